#include "topology/base/random.hpp"

#include "topology/base/check.hpp"

#include <sys/random.h>

namespace zcomet {

std::uint64_t random_u64() {
    std::uint64_t value = 0;
    while (value == 0) {
        ZCOMET_ASSERT(::getrandom(&value, sizeof(value), 0) == sizeof(value));
    }
    return value;
}

} // namespace zcomet

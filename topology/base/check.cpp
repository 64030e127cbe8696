#include "topology/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace zcomet {

void check_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    std::abort();
}

} // namespace zcomet

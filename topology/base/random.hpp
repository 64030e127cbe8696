// Random numbers from the system.
#pragma once

#include <cstdint>

namespace zcomet {

/// A random number other than 0; for incarnations. Thread: any.
[[nodiscard]] std::uint64_t random_u64();

} // namespace zcomet

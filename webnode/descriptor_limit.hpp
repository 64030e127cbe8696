// How many descriptors this process may have, which bounds how many streams it can hold.
#pragma once

#include <cstdint>

namespace zcomet {

/// Raises the soft limit of open files to the hard one. @return the limit.
std::uint64_t raise_descriptor_limit();

/// How many connections fit beside what is open now and a reserve for what the broker's sockets may
/// need when they reconnect; 1 at least.
/// @param limit  as raise_descriptor_limit() returned it.
[[nodiscard]] std::uint32_t connections_possible(std::uint64_t limit);

} // namespace zcomet

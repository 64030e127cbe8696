// How many descriptors this process may have, and so how many connections it can hold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zcomet::webnode::port {

/// What raise_descriptor_limit() would return: the hard limit of open files, which children
/// inherit.
[[nodiscard]] std::uint64_t descriptor_limit();

/// Raises the soft limit of open files to the hard one. @return the limit.
std::uint64_t raise_descriptor_limit();

struct Capacity {
    /// With this many connections a worker is full: its listener leaves the group.
    std::size_t connections = 0;
    /// Places beyond, for connections that were on their way to it by then.
    std::size_t reserve = 0;
};

/// What fits beside the descriptors that are open now, and those that the broker's sockets may need
/// when they reconnect; one connection at least.
/// @param limit  as raise_descriptor_limit() returned it.
/// @param asked  at most so many connections; 0: as many as fit.
[[nodiscard]] Capacity capacity_within(std::uint64_t limit, std::size_t asked);

/// The same where `possible` connections fit, which is 1 at least.
[[nodiscard]] Capacity split_capacity(std::size_t possible, std::size_t asked);

} // namespace zcomet::webnode::port

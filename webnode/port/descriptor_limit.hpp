// How many connections this process can hold, since each takes a descriptor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zcomet::webnode::port {

struct Capacity {
    /// With this many connections a worker is full: its listener leaves the group.
    std::size_t connections = 0;
    /// Places beyond that, for connections that were on their way to the worker by then.
    std::size_t reserve = 0;
    /// Connections that one host may have once half of the places are taken; 0: as many as it can.
    std::size_t per_address = 0;
};

/// One host's part of all places, unless the operator says otherwise.
/// @limit part of a worker's connections that one address may have, one in (`--per-address`)
inline constexpr std::size_t kPerAddressPart = 8;

/// How many connections fit beside the descriptors that are open now and those that the broker's
/// sockets may need when they reconnect; one at least.
/// @param limit  as process::raise_file_limit() returned it.
[[nodiscard]] std::size_t places_within(std::uint64_t limit);

/// @param possible  from places_within().
/// @param asked     at most so many connections; 0: as many as fit.
[[nodiscard]] Capacity split_capacity(std::size_t possible, std::size_t asked);

} // namespace zcomet::webnode::port

#include "webnode/port/descriptor_limit.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace zcomet::webnode::port {

namespace {

/// When ZeroMQ reconnects, it opens a socket before it closes the old one, for DEALER and SUB each.
/// The rest is for resolving names, and for reading /proc.
/// @limit descriptors of a worker that are not connections
constexpr std::uint64_t kOwnDescriptors = 16;

/// A table of more records than this would not fit into any machine's memory.
constexpr std::uint64_t kConnectionsMax = 100'000'000;

/// When a worker becomes full, connections are still on their way to it: those that came since its
/// loop's last turn, and those whose handshakes are under way. They may be a burst, but are a small
/// part of all.
/// @limit part of a worker's connections that is its reserve, one in
constexpr std::size_t kReservePart = 32;
/// @limit connections in a worker's reserve, at least
constexpr std::size_t kReserveMin = 64;
/// @limit connections in a worker's reserve, at most
constexpr std::size_t kReserveMax = 4096; // the backlog

std::uint64_t descriptors_open() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::uint64_t>(std::distance(begin(open), end(open)));
}

} // namespace

Capacity split_capacity(std::size_t possible, std::size_t asked) {
    const std::size_t wanted = asked == 0 ? possible : std::min(asked, possible);
    const std::size_t reserve =
        std::min(std::clamp(wanted / kReservePart, kReserveMin, kReserveMax), possible / 2);
    const std::size_t connections = std::min(wanted, possible - reserve);
    return {.connections = connections,
            .reserve = reserve,
            .per_address = std::max<std::size_t>(connections / kPerAddressPart, 1)};
}

std::size_t places_within(std::uint64_t limit) {
    const std::uint64_t taken = descriptors_open() + kOwnDescriptors;
    const std::uint64_t left = limit > taken ? limit - taken : 1;
    return std::min(left, kConnectionsMax);
}

} // namespace zcomet::webnode::port

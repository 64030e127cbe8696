// How many connections the hosts have that connect to a worker, so that none of them takes all
// places.
//
// Nothing is kept for a host or a stream but a number: hosts are counted by a hash of their
// addresses, with a random key. Hosts of the same hash are counted together. That happens to one of
// 16,384 hosts, and nobody can choose to share the hash of another.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zcomet::webnode::port {

/// Where the connections of a host are counted; 0 is for those that are not counted at all.
using Origin = std::uint16_t;

/// Thread: the worker's loop only.
class AddressPlaces {
  public:
    /// @param key  of the hash, random.
    explicit AddressPlaces(std::uint64_t key) : key_(key), counts_(kOrigins) {}

    /// Hosts are told apart by their IPv4 addresses, or the first 64 bits of their IPv6 addresses.
    [[nodiscard]] Origin origin_of(const sockaddr_storage& address) const;

    /// Connections of the origin; 0 for origin 0.
    [[nodiscard]] std::uint32_t held(Origin origin) const { return counts_[origin]; }
    void take(Origin origin) { counts_[origin] += origin == 0 ? 0 : 1; }
    /// A connection for which take() was called has ended.
    void give_back(Origin origin) { counts_[origin] -= origin == 0 ? 0 : 1; }

    /// Connections of the origin that has most.   Cost: looks at all, some 4 µs.
    [[nodiscard]] std::uint32_t most() const;

  private:
    static constexpr std::size_t kOrigins = 16'384;

    std::uint64_t key_;
    std::vector<std::uint32_t> counts_;
};

} // namespace zcomet::webnode::port

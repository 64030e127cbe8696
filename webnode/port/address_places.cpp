#include "webnode/port/address_places.hpp"

#include "topology/net/peer_address.hpp"

#include <algorithm>

namespace zcomet::webnode::port {

namespace {

/// The finisher of SplitMix64: each bit of the result depends on each bit of `value`.
std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xBF58'476D'1CE4'E5B9;
    value = (value ^ (value >> 27U)) * 0x94D0'49BB'1331'11EB;
    return value ^ (value >> 31U);
}

} // namespace

/// Mixed twice, with the key in between, since one round can be computed backwards.
Origin AddressPlaces::origin_of(const sockaddr_storage& address) const {
    const auto host = net::host_key(address);
    if (!host) {
        return 0;
    }
    return static_cast<Origin>(1 + mixed(mixed(*host ^ key_) + key_) % (kOrigins - 1));
}

std::uint32_t AddressPlaces::most() const {
    return *std::max_element(counts_.begin(), counts_.end());
}

} // namespace zcomet::webnode::port

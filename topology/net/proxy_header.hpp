// The PROXY protocol, version 2 (haproxy.org, doc/proxy-protocol.txt): in front of all other bytes
// of a connection, a proxy says for which client it connects.
//
//     header    = signature version-and-command family-and-transport length addresses *TLV
//     signature = 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
//     length    = 2 bytes, big-endian: of what follows
//     addresses = source destination source-port destination-port
#pragma once

#include "topology/net/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::net {

/// Of a whole header. That of HAProxy with all of its TLVs has some hundred bytes.
/// @limit bytes of a PROXY header
inline constexpr std::size_t kProxyHeaderBytesMax = 2048;

struct ProxyHeader {
    enum class Verdict : std::uint8_t {
        kComplete,
        kNeedMore, ///< more of it is to come
        kRefuse,   ///< it is none, or one of another version, or too long
    };
    struct Client {
        IpAddress address;
        std::uint16_t port = 0;
    };

    Verdict verdict = Verdict::kNeedMore;
    std::size_t bytes = 0; ///< how many it takes, when it is complete
    /// Nothing: the proxy connects for itself, as for a health check, or for a client that has no
    /// IP address.
    std::optional<Client> client{};
};

/// @param so_far  the bytes of the connection from its first one on.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view so_far);

} // namespace zcomet::net

// X-Forwarded-For: for which client a proxy asks. Each proxy adds the address that asked it at the
// end, and whatever stands before that may be made up by a client.
#pragma once

#include "topology/net/ip_address.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace zcomet::http {

/// Addresses are looked at from the last one on. A chain of proxies is rarely longer than three.
/// @limit addresses in X-Forwarded-For that are looked at
inline constexpr unsigned kForwardedMax = 16;

/// The last address in the request's X-Forwarded-For headers that is not that of a trusted proxy.
/// If an entry is no address, what stands before it is not looked at.
/// @param head     a request from its request line on, which a trusted proxy sent.
/// @param proxies  that are trusted.
/// @return nothing: there is no such address, so the request is the proxy's own.
[[nodiscard]] std::optional<net::IpAddress>
forwarded_for(std::string_view head, const std::vector<net::AddressRange>& proxies);

} // namespace zcomet::http

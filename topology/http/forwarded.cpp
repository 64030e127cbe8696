#include "topology/http/forwarded.hpp"

#include "topology/host/authority.hpp"
#include "topology/http/headers.hpp"

#include <algorithm>

namespace zcomet::http {

namespace {

/// "192.0.2.1", "2001:db8::1", and both with a port, as some proxies write them.
std::optional<net::IpAddress> address_in(std::string_view entry) {
    if (const auto address = net::read_ip_address(entry)) {
        return address;
    }
    const auto authority = host::read_authority(entry);
    return authority && host::is_address(*authority) ? net::read_ip_address(authority->host)
                                                     : std::nullopt;
}

} // namespace

std::optional<net::IpAddress> forwarded_for(std::string_view head,
                                            const std::vector<net::AddressRange>& proxies) {
    while (head.starts_with("\r\n")) { // RFC 9112, section 2.2
        head.remove_prefix(2);
    }
    const std::vector<std::string_view> values = headers_in(head, "X-Forwarded-For");
    unsigned looked_at = 0;
    for (auto value = values.rbegin(); value != values.rend(); ++value) {
        for (std::string_view rest = *value; looked_at < kForwardedMax; ++looked_at) {
            const std::size_t comma = rest.rfind(',');
            const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
            const auto address = address_in(without_blanks_around(rest.substr(begin)));
            if (!address) {
                return std::nullopt;
            }
            const bool is_proxy =
                std::any_of(proxies.begin(), proxies.end(),
                            [&](const net::AddressRange& range) { return range.has(*address); });
            if (!is_proxy) {
                return address;
            }
            if (comma == std::string_view::npos) {
                break;
            }
            rest = rest.substr(0, comma);
        }
    }
    return std::nullopt;
}

} // namespace zcomet::http

// The host and the port that a request is for (RFC 3986, section 3.2): in Host, in a target in
// absolute form, in an Origin.
//
//     authority = host [ ":" [ port ] ]
//     host      = name | IPv4 address | "[" IPv6 address "]"
//     port      = 0*5DIGIT
#pragma once

#include <optional>
#include <string_view>

namespace zcomet::host {

/// All of it is borrowed from the text that was read.
struct Authority {
    std::string_view host; ///< without brackets; not empty
    std::string_view port; ///< may be empty
    bool is_in_brackets = false;
};

/// @return nothing: the text is no authority, or it is empty.
[[nodiscard]] std::optional<Authority> read_authority(std::string_view text);

/// Whether the host is an IP address in digits: IPv4 with four numbers, IPv6 in brackets. Browsers
/// write other forms of an address (0x7f.1) in this one.
[[nodiscard]] bool is_address(const Authority& authority);

/// Whether the value of a Host header is empty or an authority.
[[nodiscard]] bool valid_host(std::string_view value);

/// Whether the value of a Host header names the loopback interface: localhost, 127.0.0.0/8 or ::1,
/// with any port.
[[nodiscard]] bool names_loopback(std::string_view host);

} // namespace zcomet::host

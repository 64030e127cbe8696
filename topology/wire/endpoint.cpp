#include "topology/wire/endpoint.hpp"

#include "topology/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace zcomet::wire {

namespace {

constexpr std::string_view kTcpScheme = "tcp://";
constexpr std::string_view kHttpScheme = "http://";
constexpr std::string_view kSchemeEnd = "://";
constexpr std::size_t kHostBytesMax = 253; // of a DNS name

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// A name, an IPv4 address or the name of a network interface.
bool valid_plain_host(std::string_view host) {
    return host == "*" || std::all_of(host.begin(), host.end(), [](char c) {
               return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
           });
}

/// An IPv6 address; `%` begins the name of its interface.
bool valid_bracketed_host(std::string_view host) {
    return host.find(':') != std::string_view::npos &&
           std::all_of(host.begin(), host.end(), [](char c) {
               return is_alphanumeric(c) || c == ':' || c == '.' || c == '%';
           });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    if (text == "*") {
        return std::uint16_t{0};
    }
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, status] = std::from_chars(text.data(), end, port);
    if (status != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return port;
}

Error bad(std::string_view text, std::string_view why) {
    return Error{in_quotes(text).append(" is not an address: ").append(why)};
}

/// @param whole  what the user wrote, for the error.
Result<HostPort> parse(std::string_view text, std::string_view whole) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return bad(whole, "it has no port");
    }
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return bad(whole, "an IPv6 address stands in brackets, as in [::1]:8000");
    }
    if (host.empty() || host.size() > kHostBytesMax) {
        return bad(whole, "the host has 1 to 253 characters");
    }
    if (!(bracketed ? valid_bracketed_host(host) : valid_plain_host(host))) {
        return bad(whole, in_quotes(host) + " is not a host");
    }
    const std::optional<std::uint16_t> port = parse_port(text.substr(colon + 1));
    if (!port) {
        return bad(whole, "the port is a number from 0 to 65535, or *");
    }
    return HostPort{std::string(host), *port};
}

std::string bracketed_host(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

} // namespace

std::string HostPort::text() const {
    return bracketed_host(host) + ":" + std::to_string(port);
}

bool is_everywhere(std::string_view host) {
    return host == "*" || host == "0.0.0.0" || host == "::";
}

std::string reachable_from_here(const std::string& host) {
    // What listens on all addresses of IPv6 takes IPv4, too, unless it was told otherwise.
    return is_everywhere(host) ? "127.0.0.1" : host;
}

Result<HostPort> parse_host_port(std::string_view text) {
    return parse(text, text);
}

Result<HostPort> parse_tcp_endpoint(std::string_view text) {
    if (!text.starts_with(kTcpScheme)) {
        return bad(text, "it does not begin with tcp://");
    }
    return parse(text.substr(kTcpScheme.size()), text);
}

namespace {

/// @param scheme  may stand in front of the address; no other may.
Result<HostPort> parse_with_scheme(std::string_view text, std::string_view scheme,
                                   std::string_view whole) {
    if (text.starts_with(scheme)) {
        text.remove_prefix(scheme.size());
    } else if (text.find(kSchemeEnd) != std::string_view::npos) {
        return bad(whole,
                   std::string("it is written HOST:PORT or ").append(scheme).append("HOST:PORT"));
    }
    return parse(text, whole);
}

} // namespace

Result<HostPort> parse_tcp_address(std::string_view text) {
    return parse_with_scheme(text, kTcpScheme, text);
}

Result<HostPort> parse_http_address(std::string_view text) {
    std::string_view address = text;
    if (address.ends_with('/')) {
        address.remove_suffix(1);
    }
    const std::size_t host = address.starts_with(kHttpScheme) ? kHttpScheme.size() : 0;
    if (address.find('/', host) != std::string_view::npos &&
        address.find(kSchemeEnd, host) == std::string_view::npos) {
        return bad(text, "a path follows the port");
    }
    return parse_with_scheme(address, kHttpScheme, text);
}

std::string tcp_endpoint(const HostPort& address) {
    return std::string(kTcpScheme) + bracketed_host(address.host) + ":" +
           (address.port == 0 ? "*" : std::to_string(address.port));
}

} // namespace zcomet::wire

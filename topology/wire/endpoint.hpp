// Addresses as people write them.
#pragma once

#include "topology/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::wire {

/// A host and a port. An IPv6 host has brackets in text, and none here.
struct HostPort {
    std::string host;
    /// 0 stands for "any free port" (`*` or `0` in text).
    std::uint16_t port = 0;
    [[nodiscard]] std::string text() const;
};

/// Whether a host, as in HostPort, stands for every address of a machine: "*" for all, "0.0.0.0"
/// for those of IPv4, "::" for all or those of IPv6.
[[nodiscard]] bool is_everywhere(std::string_view host);
/// The host at which a machine reaches itself, if `host` stands for all its addresses; else `host`.
[[nodiscard]] std::string reachable_from_here(const std::string& host);

/// "127.0.0.1:8000", "[::1]:8000", "*:8000" (every address), "host:0". Errors quote the text.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

/// "tcp://HOST:PORT", with "*" for a port that the system chooses. Errors quote the text.
[[nodiscard]] Result<HostPort> parse_tcp_endpoint(std::string_view text);

/// An address of ZeroMQ as people write it: "tcp://HOST:PORT" or "HOST:PORT". Errors quote the
/// text.
[[nodiscard]] Result<HostPort> parse_tcp_address(std::string_view text);

/// An address of HTTP as people write it: "HOST:PORT" or "http://HOST:PORT", with or without a "/"
/// at the end. Errors quote the text.
[[nodiscard]] Result<HostPort> parse_http_address(std::string_view text);

/// The inverse of parse_tcp_endpoint().
[[nodiscard]] std::string tcp_endpoint(const HostPort& address);

} // namespace zcomet::wire

// The page at "/", where people try it out: it listens to an id, and sends.
#pragma once

#include "webnode/request/exchange.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace zcomet::webnode::route {

/// Which demo page a web node has.
struct Demo {
    /// Whether everybody gets it; otherwise only those who call this machine by one of the names
    /// of host::names_loopback(), which no client of a proxy does.
    bool is_for_all = false;
    /// By which browsers reach the page, with its colon and slashes.
    std::string scheme = "http://";
    /// Where messages are sent, "http://127.0.0.1:8008"; empty: nowhere by HTTP.
    std::string api{};
    /// The page itself may send there, where it has one of these origins.
    std::vector<std::string> senders{};
};

/// Of a page that a web node serves on this port, where a browser on this machine opens it.
/// @param host  where the web node listens, an address of this machine.
/// @param scheme  as Demo::scheme.
[[nodiscard]] std::vector<std::string> local_origins(const std::string& host, std::uint16_t port,
                                                     const std::string& scheme = "http://");

[[nodiscard]] request::Route demo_route(Demo demo);

} // namespace zcomet::webnode::route

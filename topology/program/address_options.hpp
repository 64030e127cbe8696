// Addresses as values of options (option_table.hpp).
#pragma once

#include "topology/program/option_table.hpp"
#include "topology/wire/endpoint.hpp"

namespace zcomet::program {

/// "tcp://HOST:PORT", as parse_tcp_endpoint() reads it. An empty host is invalid.
[[nodiscard]] OptionText as_tcp_endpoint(wire::HostPort& value);

/// "HOST:PORT", as parse_host_port() reads it. An empty host is invalid.
[[nodiscard]] OptionText as_host_port(wire::HostPort& value);

} // namespace zcomet::program

// Addresses as values of options (option_table.hpp).
#pragma once

#include "topology/program/option_table.hpp"
#include "topology/wire/endpoint.hpp"

namespace zcomet::program {

/// As parse_tcp_address() reads it; shown as "tcp://HOST:PORT". An empty host is invalid.
[[nodiscard]] OptionText as_tcp_endpoint(wire::HostPort& value);

/// As parse_http_address() reads it; shown as "HOST:PORT". An empty host is invalid.
[[nodiscard]] OptionText as_host_port(wire::HostPort& value);

} // namespace zcomet::program

// Names a request whose answer comes later.
#pragma once

#include "webnode/connection/connection_table.hpp"

#include <cstdint>

namespace zcomet::webnode::request {

/// Stands for a request whose answer comes later. It may be kept for any time: once the request was
/// answered, or its connection is gone, Requests::finish() does nothing with it.
struct Ticket {
    connection::Handle connection;
    std::uint32_t number = 0;
};

} // namespace zcomet::webnode::request

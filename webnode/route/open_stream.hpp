// Routes of streams: their ids are the end of the path, or parameters of the query.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

/// GET `path`, a constant that ends in "*": a stream in this format, of the id that stands for the
/// "*"; 400 if that is no id.
[[nodiscard]] request::Route stream_route(std::string_view path,
                                          const format::StreamFormat& format);

/// GET `path`, a constant, with the query id=ID&id=ID…: a stream in this format, of 1 to
/// stream::kIdsOfStreamMax ids; otherwise 400. An id that comes twice counts once.
[[nodiscard]] request::Route several_ids_route(std::string_view path,
                                               const format::StreamFormat& format);

} // namespace zcomet::webnode::route

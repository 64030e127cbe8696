// A route of streams: the end of its path is the stream's id.
#pragma once

#include "webnode/request/exchange.hpp"

namespace zcomet::webnode::route {

/// GET `path`, a constant that ends in "*": a stream in this format, of the id that stands for the
/// "*"; 400 if that is no id.
[[nodiscard]] request::Route stream_route(std::string_view path,
                                          const format::StreamFormat& format);

} // namespace zcomet::webnode::route

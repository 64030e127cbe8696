#include "webnode/route/open_stream.hpp"

#include "topology/wire/id.hpp"

#include <string_view>

namespace zcomet::webnode::route {

namespace {

void open_stream(request::Exchange& exchange, const format::StreamFormat& format) {
    const std::string_view id = exchange.request().rest;
    if (wire::valid_id(id)) {
        exchange.open(format, id);
    } else {
        exchange.answer(http::error_reply(400, wire::why_invalid_id(id)));
    }
}

} // namespace

request::Route stream_route(std::string_view path, const format::StreamFormat& format) {
    return {{.method = "GET", .path = path, .has_constant_head = true},
            [&format](request::Exchange& exchange) { open_stream(exchange, format); }};
}

} // namespace zcomet::webnode::route

#include "webnode/route/open_stream.hpp"

#include "webnode/route/ids_of_request.hpp"

#include <utility>

namespace zcomet::webnode::route {

namespace {

void open_stream(request::Exchange& exchange, const format::StreamFormat& format,
                 IdsOfRequest found) {
    if (found.mistake.empty()) {
        exchange.open(format, std::move(found.ids));
    } else {
        exchange.answer(http::error_reply(400, found.mistake));
    }
}

} // namespace

request::Route stream_route(std::string_view path, const format::StreamFormat& format) {
    return {{.method = "GET", .path = path, .has_constant_head = true},
            [&format](request::Exchange& exchange) {
                open_stream(exchange, format, id_in_path(exchange.request()));
            }};
}

request::Route several_ids_route(std::string_view path, const format::StreamFormat& format) {
    return {{.method = "GET", .path = path}, [&format](request::Exchange& exchange) {
                open_stream(exchange, format, ids_in_query(exchange.request()));
            }};
}

} // namespace zcomet::webnode::route

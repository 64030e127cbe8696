#include "webnode/route/open_stream.hpp"

#include "topology/wire/id.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_set.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::route {

namespace {

void open_stream(request::Exchange& exchange, const format::StreamFormat& format) {
    const std::string_view id = exchange.request().rest;
    if (wire::valid_id(id)) {
        exchange.open(format, wire::OwnedIds(id));
    } else {
        exchange.answer(http::error_reply(400, wire::why_invalid_id(id)));
    }
}

void open_stream_of_several(request::Exchange& exchange, const format::StreamFormat& format) {
    const std::vector<std::string> values = exchange.request().parameters("id");
    absl::flat_hash_set<std::string_view> seen;
    wire::OwnedIds ids;
    for (const std::string& id : values) {
        if (!wire::valid_id(id)) {
            exchange.answer(http::error_reply(400, wire::why_invalid_id(id)));
            return;
        }
        if (seen.insert(id).second) {
            ids.add(id);
        }
    }
    if (ids.count() == 0 || ids.count() > stream::kIdsOfStreamMax) {
        exchange.answer(http::error_reply(
            400, "1 to " + std::to_string(stream::kIdsOfStreamMax) +
                     " ids are wanted, as in " + std::string(exchange.request().path) +
                     "?id=a&id=b"));
        return;
    }
    exchange.open(format, std::move(ids));
}

} // namespace

request::Route stream_route(std::string_view path, const format::StreamFormat& format) {
    return {{.method = "GET", .path = path, .has_constant_head = true},
            [&format](request::Exchange& exchange) { open_stream(exchange, format); }};
}

request::Route several_ids_route(std::string_view path, const format::StreamFormat& format) {
    return {{.method = "GET", .path = path},
            [&format](request::Exchange& exchange) { open_stream_of_several(exchange, format); }};
}

} // namespace zcomet::webnode::route

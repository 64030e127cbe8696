#include "webnode/route/comet.hpp"

#include "topology/wire/id.hpp"
#include "webnode/format/comet.hpp"

#include <string_view>

namespace zcomet::webnode::route {

namespace {

void open_comet_stream(request::Exchange& exchange) {
    const std::string_view id = exchange.request().rest;
    if (wire::valid_id(id)) {
        exchange.open(format::comet_format(), id);
    } else {
        exchange.answer(http::error_reply(400, wire::why_invalid_id(id)));
    }
}

} // namespace

request::Route comet_route() {
    return {{.method = "GET", .path = "/test/*", .has_constant_head = true}, open_comet_stream};
}

} // namespace zcomet::webnode::route

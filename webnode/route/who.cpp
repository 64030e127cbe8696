#include "webnode/route/who.hpp"

#include "topology/wire/id.hpp"

#include <string_view>

namespace zcomet::webnode::route {

request::Route who_route(ask::Who& who) {
    return {{.method = "GET", .path = "/who/*"}, [&who](request::Exchange& exchange) {
                const std::string_view id = exchange.request().rest;
                if (!wire::valid_id(id)) {
                    exchange.answer(http::error_reply(400, wire::why_invalid_id(id)));
                } else if (!exchange.may_listen(id)) {
                    exchange.answer_other_id();
                } else {
                    who.ask(exchange, id);
                }
            }};
}

} // namespace zcomet::webnode::route

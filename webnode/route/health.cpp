#include "webnode/route/health.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace zcomet::webnode::route {

namespace {

/// Proxies must not keep it: it is about this moment.
http::Reply fine(std::string text) {
    http::Reply reply;
    reply.text = std::move(text);
    reply.headers.push_back({"Cache-Control", "no-store"});
    return reply;
}

void say_alive(request::Exchange& exchange) {
    exchange.answer(fine("alive\n"));
}

void say_ready(request::Exchange& exchange) {
    const std::string_view why = exchange.readiness().why_not_ready();
    exchange.answer(why.empty() ? fine("ready\n") : request::unavailable(why));
}

} // namespace

request::Route alive_route() {
    return {{.method = "GET", .path = "/healthz"}, say_alive, true};
}

request::Route ready_route() {
    return {{.method = "GET", .path = "/readyz"}, say_ready, true};
}

} // namespace zcomet::webnode::route

#include "webnode/route/demo.hpp"

#include "topology/base/random.hpp"
#include "topology/host/authority.hpp"
#include "topology/wire/endpoint.hpp"
#include "webnode/route/demo_html.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace zcomet::webnode::route {

namespace {

void fill_in(std::string& page, std::string_view name, std::string_view value) {
    for (std::size_t at = page.find(name); at != std::string::npos; at = page.find(name, at)) {
        page.replace(at, name.size(), value);
        at += value.size();
    }
}

/// Scripts and styles are those of the page alone, and it talks to nobody else.
std::string policy(const std::string& nonce, const std::string& send) {
    const std::string source = "'nonce-" + nonce + "'";
    return "default-src 'none'; script-src " + source + "; style-src " + source +
           "; img-src data:; connect-src 'self'" + (send.empty() ? "" : " " + send) +
           "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

http::Reply page_for(const Demo& demo, std::string_view host) {
    const std::string origin = demo.scheme + std::string(host);
    const bool may_send =
        std::find(demo.senders.begin(), demo.senders.end(), origin) != demo.senders.end();
    const std::string send = may_send ? demo.api : std::string();
    const std::string nonce = std::to_string(random_u64()) + std::to_string(random_u64());
    http::Reply reply;
    reply.type = "text/html; charset=utf-8";
    reply.text = kDemoHtml;
    fill_in(reply.text, "{{nonce}}", nonce);
    fill_in(reply.text, "{{api}}", demo.api);
    fill_in(reply.text, "{{send}}", send);
    reply.headers = {{"Cache-Control", "no-store"},
                     {"Content-Security-Policy", policy(nonce, send)},
                     {"Referrer-Policy", "same-origin"}};
    return reply;
}

void show(request::Exchange& exchange, const Demo& demo) {
    const std::string_view host = exchange.request().header("Host");
    const bool is_shown = demo.is_for_all || host::names_loopback(host);
    exchange.answer(is_shown ? page_for(demo, host) : http::error_reply(404));
}

} // namespace

std::vector<std::string> local_origins(const std::string& host, std::uint16_t port,
                                       const std::string& scheme) {
    const std::uint16_t default_port = scheme == "https://" ? 443 : 80; // browsers leave it out
    std::vector<std::string> origins;
    for (const std::string& name : {std::string("localhost"), std::string("127.0.0.1"),
                                    std::string("::1"), wire::reachable_from_here(host)}) {
        std::string text = wire::HostPort{name, port}.text();
        if (port == default_port) {
            text.resize(text.rfind(':'));
        }
        origins.push_back(scheme + text);
    }
    return origins;
}

request::Route demo_route(Demo demo) {
    return {{.method = "GET", .path = "/"},
            [demo = std::move(demo)](request::Exchange& exchange) { show(exchange, demo); },
            true};
}

} // namespace zcomet::webnode::route

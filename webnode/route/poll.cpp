#include "webnode/route/poll.hpp"

#include "webnode/route/ids_of_request.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace zcomet::webnode::route {

namespace {

/// @return nothing: it is no number of seconds up to kPollWaitMax.
std::optional<std::chrono::seconds> wait_of(const http::Request& request) {
    const std::string text = request.query.empty() ? "" : request.parameter("wait");
    if (text.empty()) {
        return kPollWait;
    }
    unsigned seconds = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, seconds);
    const bool is_right =
        read.ec == std::errc{} && read.ptr == end && std::chrono::seconds(seconds) <= kPollWaitMax;
    return is_right ? std::optional(std::chrono::seconds(seconds)) : std::nullopt;
}

void poll(request::Exchange& exchange, IdsOfRequest found) {
    const auto wait = wait_of(exchange.request());
    if (!found.mistake.empty()) {
        exchange.answer(http::error_reply(400, found.mistake));
    } else if (!wait) {
        exchange.answer(http::error_reply(400, "wait is a number of seconds from 0 to " +
                                                   std::to_string(kPollWaitMax.count())));
    } else {
        exchange.poll(std::move(found.ids), *wait);
    }
}

} // namespace

request::Route poll_route() {
    return {{.method = "GET", .path = "/poll/*"},
            [](request::Exchange& exchange) { poll(exchange, id_in_path(exchange.request())); }};
}

request::Route poll_of_several_route() {
    return {{.method = "GET", .path = "/poll"},
            [](request::Exchange& exchange) { poll(exchange, ids_in_query(exchange.request())); }};
}

} // namespace zcomet::webnode::route

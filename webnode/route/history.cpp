#include "webnode/route/history.hpp"

#include "topology/history/cursor.hpp"
#include "topology/wire/id.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace zcomet::webnode::route {

namespace {

/// Without `limit`.
constexpr std::uint32_t kUsualLimit = 100;

/// @return nothing: it is no number from 1 to Replays::kLimitMax.
std::optional<std::uint32_t> read_limit(std::string_view text) {
    std::uint32_t limit = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, limit);
    const bool is_number = read.ec == std::errc{} && read.ptr == end;
    return is_number && limit >= 1 && limit <= ask::Replays::kLimitMax ? std::optional(limit)
                                                                       : std::nullopt;
}

void serve(request::Exchange& exchange, ask::Replays& replays) {
    const http::Request& request = exchange.request();
    if (!wire::valid_id(request.rest)) {
        exchange.answer(http::error_reply(400, wire::why_invalid_id(request.rest)));
        return;
    }
    if (!exchange.may_listen(request.rest)) {
        exchange.answer_other_id();
        return;
    }
    ask::Wanted wanted{.id = std::string(request.rest), .limit = kUsualLimit};
    if (const std::string text = request.parameter("limit"); !text.empty()) {
        const auto limit = read_limit(text);
        if (!limit) {
            exchange.answer(http::error_reply(400, "limit is a number from 1 to " +
                                                       std::to_string(ask::Replays::kLimitMax)));
            return;
        }
        wanted.limit = *limit;
    }
    if (const std::string text = request.parameter("since"); !text.empty()) {
        wanted.since = history::read_cursor(text).value_or(history::Cursor());
    }
    replays.ask(exchange, std::move(wanted));
}

} // namespace

request::Route history_route(ask::Replays& replays) {
    return {{.method = "GET", .path = "/history/*"},
            [&replays](request::Exchange& exchange) { serve(exchange, replays); }};
}

} // namespace zcomet::webnode::route

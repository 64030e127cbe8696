#include "webnode/request/exchange.hpp"

#include "topology/history/cursor.hpp"
#include "webnode/format/poll.hpp"

#include <utility>

namespace zcomet::webnode::request {

namespace {

std::vector<http::Pattern> patterns_of(const std::vector<Route>& routes) {
    std::vector<http::Pattern> patterns;
    patterns.reserve(routes.size());
    for (const Route& route : routes) {
        patterns.push_back(route.pattern);
    }
    return patterns;
}

/// Clients hand a cursor back in one of these: the header is that of an EventSource, and the
/// parameters have the names that its replacements in libraries use.
std::string cursor_in(const http::Request& request, const format::StreamFormat& format) {
    if (format.has_position()) {
        if (const std::string_view last = request.header("Last-Event-ID"); !last.empty()) {
            return std::string(last);
        }
    }
    for (const std::string_view name :
         {"since", "last_event_id", "lastEventId", "lastEventID", "Last-Event-ID"}) {
        if (std::string value = request.query.empty() ? "" : request.parameter(name);
            !value.empty()) {
            return value;
        }
    }
    return {};
}

stream::Beginning beginning_of(const http::Request& request, const format::StreamFormat& format) {
    stream::Beginning beginning{.wants_position = format.has_position()};
    const std::string text = cursor_in(request, format);
    if (!text.empty()) {
        const auto cursor = history::read_cursor(text);
        beginning.cursor = cursor.value_or(history::Cursor());
        beginning.has_bad_cursor = !cursor;
    }
    return beginning;
}

} // namespace

void Exchange::answer(http::Reply reply) {
    outcome_.reply = std::move(reply);
}

bool Exchange::takes_streams(const format::StreamFormat& format) {
    const std::string_view why = readiness_.why_no_streams();
    if (!why.empty()) {
        outcome_.reply = format.turn_away(request_, random_, unavailable(why));
        outcome_.is_no_stream_now = true;
    }
    return why.empty();
}

void Exchange::open(const format::StreamFormat& format, wire::OwnedIds ids) {
    if (!takes_streams(format)) {
        return;
    }
    outcome_.reply = format.open(request_);
    const bool is_refusal = outcome_.reply->body == http::Reply::Body::kWhole;
    if (!is_refusal && request_.method != "HEAD") {
        outcome_.format = &format;
        outcome_.framing = outcome_.reply->body == http::Reply::Body::kChunked
                               ? format::Framing::kChunked
                               : format::Framing::kBare;
        outcome_.ids = std::move(ids);
        outcome_.beginning = beginning_of(request_, format);
        format.greet(request_, outcome_.framing, random_, outcome_.greeting);
    }
}

void Exchange::poll(wire::OwnedIds ids, std::chrono::seconds wait) {
    const format::StreamFormat& format = format::poll_format();
    if (!takes_streams(format)) {
        return;
    }
    outcome_.reply = format.open(request_);
    if (request_.method != "HEAD") {
        outcome_.poll = wait;
        outcome_.ids = std::move(ids);
        outcome_.beginning = beginning_of(request_, format);
    }
}

Ticket Exchange::later() {
    outcome_.is_later = true;
    outcome_.reply.emplace(); // the front uses it to say how a later answer must look
    return ticket_;
}

http::Reply unavailable(std::string_view why) {
    http::Reply reply = http::error_reply(503, why);
    reply.headers.push_back({"Retry-After", std::to_string(kRetryAfter.count())});
    return reply;
}

http::Reply try_again(int status, std::string_view sentence) {
    http::Reply reply = http::error_reply(status, sentence);
    reply.headers.push_back({"Retry-After", "1"});
    return reply;
}

Routes::Routes(std::vector<Route> routes, std::uint64_t seed)
    : routes_(std::move(routes)), random_(static_cast<std::minstd_rand::result_type>(seed)),
      front_(patterns_of(routes_)) {}

http::Answer Routes::handle(std::string_view whole_request, Ticket ticket, Outcome& outcome) {
    outcome = {};
    // One reference, so that the std::function below needs no memory of its own.
    struct Call {
        const std::vector<Route>& routes;
        Ticket ticket;
        const Readiness& readiness;
        std::uint32_t random;
        Outcome& outcome;
    } call{routes_, ticket, *readiness_, static_cast<std::uint32_t>(random_()), outcome};
    return front_.handle(whole_request, [&call](std::size_t route, const http::Request& request) {
        Exchange exchange(request, call.ticket, call.readiness, call.random, call.outcome);
        try {
            call.routes[route].serve(exchange);
        } catch (...) {
            call.outcome = {};
            throw;
        }
        return call.outcome.reply ? std::move(*call.outcome.reply) : http::error_reply(500);
    });
}

} // namespace zcomet::webnode::request

#include "webnode/request/exchange.hpp"

#include "topology/history/cursor.hpp"
#include "webnode/format/poll.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace zcomet::webnode::request {

namespace {

constexpr int kUnavailableStatus = 503;
/// Instead of a cursor: all that is kept (Mercure).
constexpr std::string_view kEarliest = "earliest";

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
    beginning.from_earliest = text == kEarliest;
    if (!text.empty() && !beginning.from_earliest) {
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

bool Exchange::check(bool may) {
    if (!may && guards_.gate != nullptr) { // ids of private updates are for no request
        guards_.gate->note(auth::Refusal::kOtherId);
    }
    return may;
}

bool Exchange::may_listen(std::string_view id) {
    return check(guards_.asker == nullptr && guards_.pass.may_listen(id));
}

bool Exchange::may_publish(std::string_view id) {
    return check(guards_.asker == nullptr && guards_.pass.may_publish(id));
}

bool Exchange::may_listen_to_topic(std::string_view topic, std::string_view id) {
    return guards_.asker != nullptr || check(guards_.pass.may_listen_to_topic(topic, id));
}

bool Exchange::may_publish_to_topic(std::string_view topic, std::string_view id) {
    return check(guards_.asker == nullptr && guards_.pass.may_publish_to_topic(topic, id));
}

void Exchange::answer_other_id() {
    answer(Gate::reply_to(auth::Refusal::kOtherId));
}

bool Exchange::may_open(const wire::OwnedIds& ids) {
    bool may = true;
    ids.list().for_each([&](std::string_view id) { may = may && may_listen(id); });
    if (!may) {
        answer_other_id();
    }
    return may;
}

bool Exchange::takes_streams(const format::StreamFormat& format) {
    const std::string_view why = readiness_.why_no_streams();
    if (!why.empty()) {
        outcome_.reply = format.turn_away(request_, random_, unavailable(why));
        outcome_.is_no_stream_now = true;
    }
    return why.empty();
}

/// Nobody is asked for a stream that is not taken anyway.
bool Exchange::admits(const format::StreamFormat& format, wire::OwnedIds& ids) {
    return guards_.asker == nullptr ? may_open(ids) && takes_streams(format)
                                    : takes_streams(format) && is_let_in(format, ids);
}

bool Exchange::is_let_in(const format::StreamFormat& format, wire::OwnedIds& ids) {
    std::optional<Verdict> verdict = guards_.verdict != nullptr
                                         ? std::optional(*guards_.verdict)
                                         : guards_.asker->ask(request_, ids.list(), ticket_);
    if (!verdict) {
        static_cast<void>(later());
        return false;
    }
    if (auto* const reply = std::get_if<http::Reply>(&*verdict)) {
        const bool is_for_now = reply->status == kUnavailableStatus;
        outcome_.reply =
            is_for_now ? format.turn_away(request_, random_, std::move(*reply)) : std::move(*reply);
        return false;
    }
    guards_.pass = std::get<Pass>(*std::move(verdict));
    wire::OwnedIds left;
    ids.list().for_each([&](std::string_view id) {
        if (guards_.pass.may_listen(id)) {
            left.add(id);
        }
    });
    ids = std::move(left);
    if (ids.count() == 0) { // those of private updates, which nobody may open by their ids
        answer_other_id();
        return false;
    }
    return true;
}

void Exchange::open(const format::StreamFormat& format, wire::OwnedIds ids) {
    if (admits(format, ids)) {
        make_stream(format, std::move(ids));
    }
}

void Exchange::open_allowed(const format::StreamFormat& format, wire::OwnedIds ids,
                            std::vector<http::Reply::Header> headers) {
    if (guards_.asker == nullptr ? !takes_streams(format) : !admits(format, ids)) {
        return;
    }
    make_stream(format, std::move(ids));
    auto& all = outcome_.reply->headers;
    all.insert(all.end(), std::make_move_iterator(headers.begin()),
               std::make_move_iterator(headers.end()));
}

void Exchange::make_stream(const format::StreamFormat& format, wire::OwnedIds ids) {
    outcome_.reply = format.open(request_);
    const bool is_refusal = outcome_.reply->body == http::Reply::Body::kWhole;
    if (!is_refusal && request_.method != "HEAD") {
        outcome_.format = &format;
        outcome_.framing = outcome_.reply->body == http::Reply::Body::kChunked
                               ? format::Framing::kChunked
                               : format::Framing::kBare;
        outcome_.ids = std::move(ids);
        outcome_.beginning = beginning_of(request_, format);
        outcome_.beginning.life = guards_.pass.life;
        format.greet(request_, outcome_.framing, random_, outcome_.greeting);
    }
}

void Exchange::poll(wire::OwnedIds ids, std::chrono::seconds wait) {
    const format::StreamFormat& format = format::poll_format();
    if (!admits(format, ids)) {
        return;
    }
    outcome_.reply = format.open(request_);
    if (request_.method != "HEAD") {
        outcome_.poll =
            std::min(wait, std::chrono::duration_cast<std::chrono::seconds>(guards_.pass.life));
        outcome_.ids = std::move(ids);
        outcome_.beginning = beginning_of(request_, format);
    }
}

Ticket Exchange::later() {
    outcome_.is_later = true;
    outcome_.reply.emplace().body = http::Reply::Body::kLater;
    return ticket_;
}

http::Reply unavailable(std::string_view why) {
    http::Reply reply = http::error_reply(kUnavailableStatus, why);
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

http::Answer Routes::handle(std::string_view whole_request, Ticket ticket, Outcome& outcome,
                            std::uint16_t origin, const Verdict* verdict) {
    outcome = {};
    // One reference, so that the std::function below needs no memory of its own.
    struct Call {
        const std::vector<Route>& routes;
        Ticket ticket;
        const Readiness& readiness;
        std::uint32_t random;
        Outcome& outcome;
        Guards guards;
        bool is_public;
        std::uint16_t origin;
    } call{routes_,     ticket,
           *readiness_, static_cast<std::uint32_t>(random_()),
           outcome,     {.gate = gate_, .asker = asker_, .verdict = verdict},
           is_public_,  origin};
    return front_.handle(whole_request, [&call](std::size_t route, const http::Request& request) {
        Guards& guards = call.guards;
        auto looked =
            look(guards.gate, call.is_public, call.routes[route], request.head, call.origin);
        if (auto* const refusal = std::get_if<http::Reply>(&looked)) {
            return std::move(*refusal);
        }
        guards.pass = std::get<Pass>(std::move(looked));
        Exchange exchange(request, call.ticket, call.readiness, call.random, call.outcome, guards);
        try {
            call.routes[route].serve(exchange);
        } catch (...) {
            call.outcome = {};
            throw;
        }
        return call.outcome.reply ? std::move(*call.outcome.reply) : http::error_reply(500);
    });
}

std::variant<Pass, http::Reply> Routes::look(Gate* gate, bool is_public, const Route& route,
                                             std::string_view head, std::uint16_t origin) {
    if (gate == nullptr || (is_public ? !route.knows_private : route.is_for_all)) {
        return Pass();
    }
    return is_public ? gate->look_if_any(head, origin, route.token_names)
                     : gate->look(head, origin, route.token_names);
}

std::optional<http::Answer> Routes::refuse_body(std::string_view head, std::size_t body_bytes,
                                                std::uint16_t origin) {
    auto refusal = front_.refuse_body(head, body_bytes);
    if (!refusal && gate_ != nullptr && !is_public_) {
        const auto looked = gate_->look(head, origin);
        if (const auto* const reply = std::get_if<http::Reply>(&looked)) {
            refusal = http::late_answer(*reply, {});
        }
    }
    return refusal;
}

} // namespace zcomet::webnode::request

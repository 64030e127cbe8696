#include "webnode/publish/publisher.hpp"

#include "topology/base/check.hpp"
#include "topology/history/cursor.hpp"
#include "topology/wire/attributes.hpp"
#include "webnode/publish/message_key.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace zcomet::webnode::publish {

namespace {

constexpr std::string_view kHeldBack = "the broker holds senders back; try again in a moment";
constexpr std::string_view kManyWait =
    "very many messages wait for their answers; try again in a moment";
constexpr std::string_view kLost =
    "the broker was lost; it is not known whether the message was sent";
constexpr std::string_view kNotAllowed =
    "the key of this web node does not allow messages to this id";
constexpr std::string_view kOtherMessage = "this Idempotency-Key came before with another message";
constexpr std::string_view kUnderWay =
    "the first message with this Idempotency-Key is under way; try again in a moment";

constexpr int kUnprocessable = 422; // trying again does not help

std::string with_key(std::string_view attributes, std::string_view id, std::string_view key) {
    std::string all(attributes);
    if (!key.empty()) {
        wire::add_key(all, message_key(id, key));
    }
    return all;
}

/// Of one message on its way to the broker: it may need a frame of its own.
std::size_t bytes_at_most(const Publication& publication, std::string_view id) {
    constexpr std::size_t kKeyAttributeBytes = 2 + wire::kKeyBytes;
    return wire::kSendHeaderBytes +
           wire::message_bytes(id.size(), publication.text.size(),
                               publication.attributes.size() + kKeyAttributeBytes);
}

nlohmann::ordered_json in_json(const std::optional<std::uint32_t>& nodes) {
    return nodes ? nlohmann::ordered_json(*nodes) : nlohmann::ordered_json(nullptr);
}

/// Adds where a client goes on after the message, if that is kept.
void add_cursor(nlohmann::ordered_json& json, const wire::Outcome& outcome) {
    if (outcome.position != 0) {
        json["cursor"] = history::text_of({outcome.epoch, outcome.position});
    }
}

/// Whether the request's token is for all of its ids.
bool may_publish(request::Exchange& exchange, const Publication& publication) {
    return std::all_of(publication.ids.begin(), publication.ids.end(),
                       [&](const std::string& id) { return exchange.may_publish(id); });
}

http::Reply json_reply(int status, std::string_view type, std::string text) {
    http::Reply reply;
    reply.status = status;
    reply.type = type;
    reply.text = std::move(text);
    return reply;
}

} // namespace

void Publisher::publish(request::Exchange& exchange, std::string_view id, std::string_view text,
                        std::string_view attributes, wire::Confirm confirm,
                        std::string_view idempotency_key) {
    if (!exchange.may_publish(id)) {
        exchange.answer_other_id();
        return;
    }
    const std::string all = with_key(attributes, id, idempotency_key);
    const Refusal refusal = why_not(id, wire::message_bytes(id.size(), text.size(), all.size()));
    if (refusal.status != 0) {
        refuse(exchange, refusal, 1);
        return;
    }
    auto request = std::make_shared<Request>();
    request->ticket = exchange.later();
    request->confirm = confirm;
    request->lines.emplace_back().results.emplace_back().id = id;
    send(request, 0, 0, text, all);
}

void Publisher::publish(request::Exchange& exchange, std::vector<Publication> publications,
                        wire::Confirm confirm) {
    for (Publication& publication : publications) {
        if (publication.mistake.empty() && !may_publish(exchange, publication)) {
            publication.mistake = request::kOtherIdWords;
        }
    }
    auto request = std::make_shared<Request>();
    request->ticket = exchange.later();
    request->is_batch = true;
    request->confirm = confirm;
    send_all(request, std::move(publications));
}

void Publisher::publish_together(request::Exchange& exchange, std::vector<Publication> publications,
                                 wire::Confirm confirm, http::Reply done, Terms terms) {
    for (const Publication& publication : publications) {
        if (!terms.is_allowed && !may_publish(exchange, publication)) {
            exchange.answer_other_id();
            return;
        }
    }
    std::size_t bytes = 0;
    std::size_t messages = 0;
    for (const Publication& publication : publications) {
        ZCOMET_ASSERT(publication.mistake.empty());
        for (const std::string& id : publication.ids) {
            bytes += bytes_at_most(publication, id);
            ++messages;
        }
    }
    if (const Refusal refusal = why_not_all(publications, bytes, messages); refusal.status != 0) {
        refuse(exchange, refusal, messages);
        return;
    }
    auto request = std::make_shared<Request>();
    request->ticket = exchange.later();
    request->done = std::move(done);
    request->tells_cursor = terms.tells_cursor;
    request->confirm = confirm;
    send_all(request, std::move(publications));
}

void Publisher::send_all(const std::shared_ptr<Request>& request,
                         std::vector<Publication> publications) {
    request->lines.resize(publications.size());
    for (std::size_t n = 0; n < publications.size(); ++n) {
        Publication& publication = publications[n];
        Line& line = request->lines[n];
        line.mistake = std::move(publication.mistake);
        line.results.resize(line.mistake.empty() ? publication.ids.size() : 0);
        for (std::size_t i = 0; i < line.results.size(); ++i) {
            line.results[i].id = std::move(publication.ids[i]);
            send(request, n, i, publication.text,
                 with_key(publication.attributes, line.results[i].id, publication.idempotency_key));
        }
    }
    if (request->awaited == 0) {
        note_done(*request);
    }
}

void Publisher::refuse(request::Exchange& exchange, const Refusal& refusal, std::size_t messages) {
    counters_.add(slot::WorkerCounter::kPublishRefusals, messages);
    exchange.answer(request::try_again(refusal.status, refusal.sentence));
}

Publisher::Refusal Publisher::why_not(std::string_view id, std::size_t bytes,
                                      std::size_t messages) const {
    if (!sender_->has_broker(id)) {
        return {503, request::kNoBroker};
    }
    if (!sender_->can_send(id, bytes)) {
        return {429, kHeldBack};
    }
    return awaited_.size() + messages <= kUnansweredMax ? Refusal{} : Refusal{429, kManyWait};
}

/// All of them may go to the same broker.
Publisher::Refusal Publisher::why_not_all(const std::vector<Publication>& publications,
                                          std::size_t bytes, std::size_t messages) const {
    Refusal refusal;
    for (const Publication& publication : publications) {
        for (const std::string& id : publication.ids) {
            refusal = refusal.status == 0 ? why_not(id, bytes, messages) : refusal;
        }
    }
    return refusal;
}

Publisher::Refusal Publisher::refusal_of(const wire::Outcome& outcome) {
    switch (outcome.refusal) {
    case wire::Outcome::Refusal::kOtherMessage:
        return {kUnprocessable, kOtherMessage};
    case wire::Outcome::Refusal::kUnderWay:
        return {409, kUnderWay};
    case wire::Outcome::Refusal::kNotAllowed:
        return {403, kNotAllowed};
    case wire::Outcome::Refusal::kNone:
        break;
    }
    return {};
}

void Publisher::send(const std::shared_ptr<Request>& request, std::size_t line, std::size_t result,
                     std::string_view text, std::string_view attributes) {
    Result& outcome = request->lines[line].results[result];
    outcome.refusal =
        why_not(outcome.id, wire::message_bytes(outcome.id.size(), text.size(), attributes.size()));
    if (outcome.refusal.status != 0) {
        counters_.add(slot::WorkerCounter::kPublishRefusals);
        return;
    }
    const std::uint64_t number = sender_->send(outcome.id, text, request->confirm, attributes);
    counters_.add(slot::WorkerCounter::kPublished);
    awaited_.emplace(number, Awaited{request, line, result});
    ++request->awaited;
}

void Publisher::on_known(std::uint64_t number, const wire::Outcome& outcome) {
    const auto found = awaited_.find(number);
    if (found == awaited_.end()) {
        return;
    }
    const Awaited awaited = std::move(found->second);
    awaited_.erase(found);
    Result& result = awaited.request->lines[awaited.line].results[awaited.result];
    result.outcome = outcome;
    result.refusal = refusal_of(outcome);
    if (--awaited.request->awaited == 0) {
        note_done(*awaited.request);
    }
}

/// Messages that await an acknowledgement are sent again; of the others nothing more is heard.
void Publisher::on_lost() {
    for (auto entry = awaited_.begin(); entry != awaited_.end();) {
        const auto one = entry++;
        if (one->second.request->confirm != wire::Confirm::kAcknowledgement) {
            lose(one);
        }
    }
}

void Publisher::on_unknown(std::uint64_t number) {
    if (const auto found = awaited_.find(number); found != awaited_.end()) {
        lose(found);
    }
}

void Publisher::lose(AwaitedMessages::iterator message) {
    const Awaited& awaited = message->second;
    counters_.add(slot::WorkerCounter::kPublishLost);
    awaited.request->lines[awaited.line].results[awaited.result].refusal = {503, kLost};
    if (--awaited.request->awaited == 0) {
        note_done(*awaited.request);
    }
    awaited_.erase(message);
}

void Publisher::note_done(Request& request) {
    answers_.add(request.ticket, reply_to(request));
}

nlohmann::ordered_json Publisher::json_of(const Line& line, std::size_t number) {
    nlohmann::ordered_json json{{"line", number}};
    const bool is_single = line.results.size() == 1;
    if (is_single) {
        json["id"] = line.results.front().id;
    }
    std::string_view error = line.mistake;
    nlohmann::ordered_json nodes = nlohmann::ordered_json::object();
    for (const Result& result : line.results) {
        error = error.empty() ? result.refusal.sentence : error;
        nodes[result.id] = in_json(result.outcome.nodes);
    }
    if (error.empty() || line.results.size() > 1) {
        json["nodes"] = is_single ? nodes.front() : nodes;
    }
    if (error.empty() && is_single) {
        add_cursor(json, line.results.front().outcome);
    }
    if (!error.empty()) {
        json["error"] = error;
    }
    return json;
}

Publisher::Refusal Publisher::first_refusal(const Request& request) {
    for (const Line& line : request.lines) {
        for (const Result& result : line.results) {
            if (result.refusal.status != 0) {
                return result.refusal;
            }
        }
    }
    return {};
}

/// Not by the library, which needs memory for each member: neither an id nor a cursor has a
/// character that JSON escapes.
std::string Publisher::text_of(const Result& result) {
    const wire::Outcome& outcome = result.outcome;
    std::string text = "{\"id\":\"";
    text.append(result.id).append("\",\"nodes\":");
    text.append(outcome.nodes ? std::to_string(*outcome.nodes) : "null");
    if (outcome.position != 0) {
        text.append(",\"cursor\":\"")
            .append(history::text_of({outcome.epoch, outcome.position}))
            .append("\"");
    }
    return text.append("}\n");
}

http::Reply Publisher::done_reply(const Request& request) {
    http::Reply reply = *request.done;
    history::Cursor last;
    for (const Line& line : request.lines) {
        for (const Result& result : line.results) {
            if (request.tells_cursor && result.outcome.position > last.position) {
                last = {result.outcome.epoch, result.outcome.position};
            }
        }
    }
    if (last.epoch != 0) {
        reply.text = history::text_of(last);
    }
    return reply;
}

http::Reply Publisher::reply_to(const Request& request) {
    if (request.is_batch) {
        return reply_to_batch(request);
    }
    if (const auto [status, sentence] = first_refusal(request); status != 0) {
        return status == kUnprocessable ? http::error_reply(status, sentence)
                                        : request::try_again(status, sentence);
    }
    if (request.done) {
        return done_reply(request);
    }
    const Result& result = request.lines.front().results.front();
    const wire::Outcome& outcome = result.outcome;
    const bool is_somewhere = outcome.nodes.value_or(0) > 0 || outcome.position != 0;
    return json_reply(is_somewhere ? 200 : 202, "application/json", text_of(result));
}

http::Reply Publisher::reply_to_batch(const Request& request) {
    std::string text;
    for (std::size_t n = 0; n < request.lines.size(); ++n) {
        text += json_of(request.lines[n], n + 1).dump() + "\n";
    }
    return json_reply(200, "application/x-ndjson", std::move(text));
}

} // namespace zcomet::webnode::publish

#include "webnode/route/send.hpp"

#include "topology/wire/attributes.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"
#include "webnode/route/cloud_events.hpp"
#include "webnode/route/message_rules.hpp"
#include "webnode/route/wishes.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::webnode::route {

namespace {

/// A batch of many short messages; more go into the next request.
/// @limit bytes of a request with many messages
constexpr std::size_t kBatchBytesMax = 1U << 20U;
/// A message to more ids is several lines.
/// @limit ids of one message in a request with many
constexpr std::size_t kIdsMax = 100;

void send_one(request::Exchange& exchange, publish::Publisher& publisher) {
    const http::Request& request = exchange.request();
    wire::Confirm confirm{};
    if (auto refusal = read_wishes(request, confirm)) {
        exchange.answer(std::move(*refusal));
    } else if (has_cloud_events(request)) {
        publish_cloud_events(exchange, publisher, confirm, request.rest);
    } else if (!wire::valid_id(request.rest)) {
        exchange.answer(http::error_reply(400, wire::why_invalid_id(request.rest)));
    } else if (!is_utf8(request.body)) {
        exchange.answer(http::error_reply(415, "the message is not UTF-8"));
    } else {
        const std::string_view event = request.header("Zcomet-Event");
        if (std::string why; !event.empty() && !(why = why_no_event(event)).empty()) {
            exchange.answer(http::error_reply(400, why));
            return;
        }
        publisher.publish(exchange, request.rest, request.body, wire::encode({.event = event}),
                          confirm, idempotency_key(request));
    }
}

publish::Publication mistake(std::string sentence) {
    publish::Publication publication;
    publication.mistake = std::move(sentence);
    return publication;
}

/// @return the ids of a line; nothing: it has neither an "id" nor "ids" as it should.
std::optional<std::vector<std::string>> ids_in(const nlohmann::json& line) {
    const auto id = line.find("id");
    const auto ids = line.find("ids");
    if ((id == line.end()) == (ids == line.end())) {
        return std::nullopt;
    }
    // A deep value is not copied: the library would do that by recursion.
    if (id != line.end()) {
        return id->is_string() ? std::optional(std::vector{id->get<std::string>()}) : std::nullopt;
    }
    const bool is_list = ids->is_array() && !ids->empty() && ids->size() <= kIdsMax;
    if (!is_list || !std::all_of(ids->begin(), ids->end(),
                                 [](const nlohmann::json& item) { return item.is_string(); })) {
        return std::nullopt;
    }
    return ids->get<std::vector<std::string>>();
}

publish::Publication read_line(std::string_view text) {
    const nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
    if (!line.is_object()) {
        return mistake("this is no JSON object");
    }
    auto ids = ids_in(line);
    if (!ids) {
        return mistake("an \"id\", or \"ids\" with 1 to 100 of them, is wanted");
    }
    const auto data = line.find("data");
    if (data == line.end() || !data->is_string()) {
        return mistake("\"data\" is the message, a string");
    }
    std::string event;
    if (const auto named = line.find("event"); named != line.end()) {
        event = named->is_string() ? named->get<std::string>() : std::string();
        if (event.empty()) {
            return mistake(why_no_event(event));
        }
    }
    auto made = make_message(std::move(*ids), data->get<std::string>(), event);
    if (auto* const wrong = std::get_if<Mistake>(&made)) {
        return mistake(std::move(wrong->sentence));
    }
    return std::get<publish::Publication>(std::move(made));
}

/// @return nothing: these are more than kMessagesMax messages.
std::optional<std::vector<publish::Publication>> read_lines(std::string_view body) {
    std::vector<publish::Publication> publications;
    std::size_t messages = 0;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find('\n'), body.size());
        const std::string_view line = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        publications.push_back(read_line(line));
        messages += publications.back().messages();
        if (messages > publish::kMessagesMax) {
            return std::nullopt;
        }
    }
    return publications;
}

void send_many(request::Exchange& exchange, publish::Publisher& publisher) {
    wire::Confirm confirm{};
    if (auto refusal = read_wishes(exchange.request(), confirm)) {
        exchange.answer(std::move(*refusal));
        return;
    }
    if (has_cloud_events(exchange.request())) {
        publish_cloud_events(exchange, publisher, confirm, {});
        return;
    }
    auto publications = read_lines(exchange.request().body);
    if (!publications) {
        exchange.answer(http::error_reply(
            413, "a request has at most " + std::to_string(publish::kMessagesMax) +
                     " messages; one to several ids counts for each of them"));
        return;
    }
    give_keys(*publications, idempotency_key(exchange.request()));
    publisher.publish(exchange, std::move(*publications), confirm);
}

} // namespace

request::Route send_route(publish::Publisher& publisher) {
    return {{.method = "POST", .path = "/send/*", .body_bytes_max = wire::kPayloadBytesMax},
            [&publisher](request::Exchange& exchange) { send_one(exchange, publisher); }};
}

request::Route send_many_route(publish::Publisher& publisher) {
    return {{.method = "POST", .path = "/send", .body_bytes_max = kBatchBytesMax},
            [&publisher](request::Exchange& exchange) { send_many(exchange, publisher); }};
}

} // namespace zcomet::webnode::route

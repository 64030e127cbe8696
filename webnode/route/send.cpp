#include "webnode/route/send.hpp"

#include "topology/wire/attributes.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::route {

namespace {

/// A batch of many short messages; more go into the next request.
/// @limit bytes of a request with many messages
constexpr std::size_t kBatchBytesMax = 1U << 20U;
/// A message to more ids is several lines.
/// @limit ids of one message in a request with many
constexpr std::size_t kIdsMax = 100;

/// Clients mostly take a UUID.
/// @limit bytes of an Idempotency-Key
constexpr std::size_t kKeyBytesMax = 255;

/// Every stream's format is text. nlohmann-json knows what is UTF-8.
bool is_utf8(std::string_view text) {
    try {
        static_cast<void>(nlohmann::json(text).dump());
        return true;
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

/// Why a text is no name of an event; empty: it is one.
std::string why_no_event(std::string_view name) {
    std::string why = wire::why_no_event(name);
    return why.empty() && !is_utf8(name) ? "the name of the event is not UTF-8" : why;
}

/// By which the client knows its request if it sends it again; empty: it has none.
std::string_view idempotency_key(const http::Request& request) {
    return request.header("Idempotency-Key");
}

/// What the client's headers ask for that the whole request depends on.
/// @return the refusal; nothing: `confirm` is set.
std::optional<http::Reply> read_wishes(const http::Request& request, wire::Confirm& confirm) {
    if (idempotency_key(request).size() > kKeyBytesMax) {
        return http::error_reply(400, "an Idempotency-Key has at most " +
                                          std::to_string(kKeyBytesMax) + " bytes");
    }
    const std::string_view wait = request.header("Zcomet-Wait");
    if (!wait.empty() && wait != "nodes") {
        return http::error_reply(400, "Zcomet-Wait takes one word, nodes");
    }
    confirm = wait.empty() ? wire::Confirm::kReceipt : wire::Confirm::kAcknowledgement;
    return std::nullopt;
}

void send_one(request::Exchange& exchange, publish::Publisher& publisher) {
    const http::Request& request = exchange.request();
    wire::Confirm confirm{};
    if (auto refusal = read_wishes(request, confirm)) {
        exchange.answer(std::move(*refusal));
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
    for (const std::string& id : *ids) {
        if (!wire::valid_id(id)) {
            return mistake(wire::why_invalid_id(id));
        }
    }
    const auto data = line.find("data");
    if (data == line.end() || !data->is_string()) {
        return mistake("\"data\" is the message, a string");
    }
    auto message = data->get<std::string>();
    if (message.size() > wire::kPayloadBytesMax) {
        return mistake("a message has at most 65536 bytes");
    }
    std::string event;
    if (const auto named = line.find("event"); named != line.end()) {
        event = named->is_string() ? named->get<std::string>() : std::string();
        if (std::string why = why_no_event(event); !why.empty()) {
            return mistake(std::move(why));
        }
    }
    return {std::move(*ids), std::move(message), wire::encode({.event = event})};
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

/// Each line has a key of its own, so that a request that was taken only in part can be repeated.
/// @param key  of the request; empty: it has none.
void give_keys(std::vector<publish::Publication>& publications, std::string_view key) {
    if (key.empty()) {
        return;
    }
    for (std::size_t n = 0; n < publications.size(); ++n) {
        publications[n].idempotency_key = std::string(key) + "\n" + std::to_string(n + 1);
    }
}

void send_many(request::Exchange& exchange, publish::Publisher& publisher) {
    wire::Confirm confirm{};
    if (auto refusal = read_wishes(exchange.request(), confirm)) {
        exchange.answer(std::move(*refusal));
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

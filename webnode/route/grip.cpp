#include "webnode/route/grip.hpp"

#include "webnode/route/message_rules.hpp"
#include "webnode/route/topic.hpp"
#include "webnode/route/wishes.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::webnode::route {

namespace {

/// Half of what a sender may have under way (`--sender-window`), so that the messages of a request
/// are sent together or not at all.
/// @limit bytes of a request in GRIP's form
constexpr std::size_t kGripBytesMax = 128U << 10U;

/// Where a format has its text.
struct TextOfFormat {
    const char* format;
    const char* text;
    const char* base64;
};
/// The first that an item has counts.
constexpr std::array kFormats{
    TextOfFormat{"http-stream", "content", "content-bin"},
    TextOfFormat{"ws-message", "content", "content-bin"},
    TextOfFormat{"http-response", "body", "body-bin"},
};

const nlohmann::json* member(const nlohmann::json& json, const char* name) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    return found == json.end() ? nullptr : &*found;
}

/// @return the text of a format, or why it has none.
std::variant<std::string, Mistake> text_in(const nlohmann::json& format,
                                           const TextOfFormat& place) {
    const nlohmann::json* const action = member(format, "action");
    if (action != nullptr && *action != "send") {
        return Mistake{.sentence = "the only action is \"send\""};
    }
    const nlohmann::json* const text = member(format, place.text);
    const nlohmann::json* const base64 = member(format, place.base64);
    if (text != nullptr && text->is_string()) {
        return text->get<std::string>();
    }
    if (base64 != nullptr && base64->is_string()) {
        if (auto bytes = from_base64(base64->get_ref<const std::string&>())) {
            return std::move(*bytes);
        }
    }
    return Mistake{.sentence = "a \"" + std::string(place.format) + "\" has \"" + place.text +
                               "\", a string, or \"" + place.base64 + "\", base64"};
}

MessageOrMistake read_item(const nlohmann::json& item) {
    const nlohmann::json* const channel = member(item, "channel");
    if (channel == nullptr || !channel->is_string()) {
        return Mistake{.sentence = "\"channel\" is a string"};
    }
    const auto& topic = channel->get_ref<const std::string&>();
    if (topic.empty()) {
        return Mistake{.sentence = "a channel has a name"};
    }
    const nlohmann::json* const nested = member(item, "formats");
    for (const TextOfFormat& place : kFormats) {
        if (const auto* format = member(nested != nullptr ? *nested : item, place.format)) {
            auto text = text_in(*format, place);
            return std::holds_alternative<Mistake>(text)
                       ? MessageOrMistake(std::get<Mistake>(std::move(text)))
                       : make_message(id_of_topic(topic), std::get<std::string>(std::move(text)),
                                      {});
        }
    }
    return Mistake{.sentence = "the formats are \"http-stream\", \"ws-message\" and "
                               "\"http-response\", and none of them is there"};
}

using Messages = std::vector<publish::Publication>;

std::variant<Messages, Mistake> read_items(std::string_view body) {
    const nlohmann::json json = nlohmann::json::parse(body, nullptr, false);
    const nlohmann::json* const items = member(json, "items");
    if (items == nullptr || !items->is_array()) {
        return Mistake{.sentence = "the body is JSON, {\"items\":[...]}"};
    }
    if (items->size() > publish::kMessagesMax) {
        return Mistake{413, "a request has at most " + std::to_string(publish::kMessagesMax) +
                                " messages"};
    }
    Messages messages;
    messages.reserve(items->size());
    for (const nlohmann::json& item : *items) {
        auto read = read_item(item);
        if (auto* mistake = std::get_if<Mistake>(&read)) {
            mistake->sentence.insert(0, "item " + std::to_string(messages.size() + 1) + ": ");
            return std::move(*mistake);
        }
        messages.push_back(std::get<publish::Publication>(std::move(read)));
    }
    return messages;
}

/// @param accept  of the request: which of the two types it names first.
http::Reply published(std::string_view accept) {
    http::Reply reply;
    reply.text = "Published\n";
    if (accept.find("application/json") < accept.find("text/plain")) {
        reply.type = "application/json";
        reply.text = "{\"message\":\"Published\"}\n";
    }
    return reply;
}

void publish_items(request::Exchange& exchange, publish::Publisher& publisher) {
    wire::Confirm confirm{};
    if (auto refusal = read_wishes(exchange.request(), confirm)) {
        exchange.answer(std::move(*refusal));
        return;
    }
    auto read = read_items(exchange.request().body);
    if (const auto* mistake = std::get_if<Mistake>(&read)) {
        exchange.answer(http::error_reply(mistake->status, mistake->sentence));
        return;
    }
    auto& messages = std::get<Messages>(read);
    give_keys(messages, idempotency_key(exchange.request()));
    publisher.publish_together(exchange, std::move(messages), confirm,
                               published(exchange.request().header("Accept")));
}

} // namespace

request::Route grip_route(publish::Publisher& publisher, std::string_view path) {
    return {{.method = "POST", .path = path, .body_bytes_max = kGripBytesMax},
            [&publisher](request::Exchange& exchange) { publish_items(exchange, publisher); }};
}

} // namespace zcomet::webnode::route

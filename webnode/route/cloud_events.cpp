#include "webnode/route/cloud_events.hpp"

#include "topology/base/text.hpp"
#include "webnode/route/json_parts.hpp"
#include "webnode/route/message_rules.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace zcomet::webnode::route {

namespace {

constexpr std::string_view kStructured = "application/cloudevents+json";
constexpr std::string_view kBatch = "application/cloudevents-batch+json";
/// Other types that begin like this are CloudEvents in forms such as XML.
constexpr std::string_view kAnyForm = "application/cloudevents";

/// As its sender wrote it. Attributes that are absent, or no text, are empty.
struct Event {
    std::string specversion{};
    std::string id{};
    std::string source{};
    std::string type{};
    std::string subject{};
    std::string data{};
    std::optional<std::string> data_base64{}; ///< instead of `data`
};

struct Attribute {
    const char* name;
    const char* header; ///< in the binary form
    std::string Event::*text;
};
/// What matters here of an event. `subject` is last, since it is not always wanted.
constexpr std::array kAttributes{
    Attribute{"specversion", "ce-specversion", &Event::specversion},
    Attribute{"id", "ce-id", &Event::id},
    Attribute{"source", "ce-source", &Event::source},
    Attribute{"type", "ce-type", &Event::type},
    Attribute{"subject", "ce-subject", &Event::subject},
};
constexpr std::size_t kRequired = kAttributes.size() - 1;

/// The media type of a request's body, without its parameters.
std::string_view media_type(const http::Request& request) {
    const std::string_view value = request.header("Content-Type");
    const std::string_view type = value.substr(0, value.find(';'));
    return type.substr(0, type.find_last_not_of(" \t") + 1);
}

bool has_prefix(std::string_view text, std::string_view prefix) {
    return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

int hex_digit(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto place = kDigits.find(static_cast<char>(c | 0x20));
    return c >= '0' && place != std::string_view::npos ? static_cast<int>(place) : -1;
}

/// The text that a header's value stands for: it may be quoted, and has escapes as a URL has.
/// Source: the HTTP binding, section 3.1.3.2.
std::string header_text(std::string_view value) {
    const bool is_quoted = value.size() > 1 && value.front() == '"' && value.back() == '"';
    value = is_quoted ? value.substr(1, value.size() - 2) : value;
    std::string text;
    for (std::size_t at = 0; at < value.size(); ++at) {
        at += is_quoted && value[at] == '\\' && at + 1 < value.size() ? 1 : 0;
        const bool may_be_escape = value[at] == '%' && at + 2 < value.size();
        const int high = may_be_escape ? hex_digit(value[at + 1]) : -1;
        const int low = may_be_escape ? hex_digit(value[at + 2]) : -1;
        if (high >= 0 && low >= 0) {
            text.push_back(static_cast<char>(high * 16 + low));
            at += 2;
        } else {
            text.push_back(value[at]);
        }
    }
    return text;
}

Event from_headers(const http::Request& request) {
    Event event;
    for (const Attribute& attribute : kAttributes) {
        event.*attribute.text = header_text(request.header(attribute.header));
    }
    event.data = request.body;
    return event;
}

void take_member(Event& event, const std::string& name, std::string_view value) {
    if (value == "null") {
        return; // as if it was absent
    }
    const bool is_text = value.starts_with('"');
    if (name == "data") {
        event.data = is_text ? text_of(value) : without_blanks(value);
    } else if (name == "data_base64") {
        event.data_base64 = is_text ? text_of(value) : std::string(value);
    }
    for (const Attribute& attribute : kAttributes) {
        if (name == attribute.name) {
            event.*attribute.text = is_text ? text_of(value) : std::string();
        }
    }
}

/// @param json  an object, as json_parts.hpp has it.
Event from_json(std::string_view json) {
    Event event;
    for_each_member(json, [&event](const std::string& name, std::string_view value) {
        take_member(event, name, value);
    });
    return event;
}

/// @return what the event lacks, as a sentence; empty: nothing.
std::string why_incomplete(const Event& event) {
    for (std::size_t n = 0; n < kRequired; ++n) {
        if ((event.*kAttributes[n].text).empty()) {
            return std::string("the attribute \"") + kAttributes[n].name +
                   "\" of a CloudEvent is missing, or is no text";
        }
    }
    return event.specversion == "1.0" ? "" : "CloudEvents of version 1.0 are taken, and no others";
}

/// @param id  instead of the subject; empty: the subject is the id.
MessageOrMistake to_message(Event event, std::string_view id) {
    if (std::string why = why_incomplete(event); !why.empty()) {
        return Mistake{.sentence = std::move(why)};
    }
    if (id.empty() && event.subject.empty()) {
        return Mistake{.sentence = "the \"subject\" of a CloudEvent is the id, unless the path of "
                                   "the request has one"};
    }
    if (event.data_base64) {
        auto bytes = from_base64(*event.data_base64);
        if (!bytes || !event.data.empty()) {
            return Mistake{.sentence = "\"data_base64\" is base64, and stands instead of \"data\""};
        }
        event.data = std::move(*bytes);
    }
    auto message = make_message(id.empty() ? event.subject : id, std::move(event.data), event.type);
    if (auto* publication = std::get_if<publish::Publication>(&message)) {
        // Not the key of any header Idempotency-Key, nor of a line: these have fewer lines.
        publication->idempotency_key = "event\n" + event.source + "\n" + event.id;
    }
    return message;
}

MessageOrMistake read_structured(std::string_view json, std::string_view id) {
    if (!cut_to_json(json) || !json.starts_with('{')) {
        return Mistake{.sentence = "the body is no JSON object"};
    }
    return to_message(from_json(json), id);
}

publish::Publication read_part_of_batch(std::string_view json) {
    auto message = json.starts_with('{')
                       ? to_message(from_json(json), {})
                       : MessageOrMistake(Mistake{.sentence = "this is no JSON object"});
    if (auto* mistake = std::get_if<Mistake>(&message)) {
        publish::Publication publication;
        publication.mistake = std::move(mistake->sentence);
        return publication;
    }
    return std::get<publish::Publication>(std::move(message));
}

using Messages = std::vector<publish::Publication>;

std::variant<Messages, Mistake> read_batch(std::string_view json) {
    if (!cut_to_json(json) || !json.starts_with('[')) {
        return Mistake{.sentence = "the body is no list in JSON"};
    }
    Messages messages;
    for_each_value(json, [&messages](std::string_view value) {
        messages.push_back(read_part_of_batch(value));
        return messages.size() <= publish::kMessagesMax;
    });
    if (messages.size() > publish::kMessagesMax) {
        return Mistake{413, "a request has at most " + std::to_string(publish::kMessagesMax) +
                                " messages"};
    }
    return messages;
}

void refuse(request::Exchange& exchange, const Mistake& mistake) {
    exchange.answer(http::error_reply(mistake.status, mistake.sentence));
}

void publish_batch(request::Exchange& exchange, publish::Publisher& publisher,
                   wire::Confirm confirm, std::string_view id) {
    if (!id.empty()) {
        refuse(exchange, {.sentence = "a batch of CloudEvents goes to /send, and each event's "
                                      "\"subject\" is its id"});
        return;
    }
    auto read = read_batch(exchange.request().body);
    if (const auto* mistake = std::get_if<Mistake>(&read)) {
        refuse(exchange, *mistake);
        return;
    }
    publisher.publish(exchange, std::get<Messages>(std::move(read)), confirm);
}

} // namespace

bool has_cloud_events(const http::Request& request) {
    // Two of the required ones, since each look costs every other message as well.
    return has_prefix(media_type(request), kAnyForm) || !request.header("ce-id").empty() ||
           !request.header("ce-specversion").empty();
}

void publish_cloud_events(request::Exchange& exchange, publish::Publisher& publisher,
                          wire::Confirm confirm, std::string_view id) {
    const http::Request& request = exchange.request();
    const std::string_view type = media_type(request);
    if (equals_ignoring_case(type, kBatch)) {
        publish_batch(exchange, publisher, confirm, id);
        return;
    }
    const bool is_structured = equals_ignoring_case(type, kStructured);
    if (!is_structured && has_prefix(type, kAnyForm)) {
        refuse(exchange,
               {415, "CloudEvents are taken in JSON or as headers, and in no other form"});
        return;
    }
    const auto read =
        is_structured ? read_structured(request.body, id) : to_message(from_headers(request), id);
    if (const auto* mistake = std::get_if<Mistake>(&read)) {
        refuse(exchange, *mistake);
        return;
    }
    const auto& message = std::get<publish::Publication>(read);
    publisher.publish(exchange, message.ids.front(), message.text, message.attributes, confirm,
                      message.idempotency_key);
}

} // namespace zcomet::webnode::route

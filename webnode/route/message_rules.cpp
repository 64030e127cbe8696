#include "webnode/route/message_rules.hpp"

#include "topology/wire/attributes.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/id.hpp"

#include <absl/strings/escaping.h>
#include <nlohmann/json.hpp>

#include <numeric>
#include <utility>

namespace zcomet::webnode::route {

namespace {
constexpr unsigned kBeyondAscii = 0x80;
} // namespace

/// nlohmann-json knows what is UTF-8; it needs memory for that, and most messages are ASCII.
bool is_utf8(std::string_view text) {
    const auto bits = std::accumulate(text.begin(), text.end(), 0U, [](unsigned seen, char c) {
        return seen | static_cast<unsigned char>(c);
    });
    if (bits < kBeyondAscii) {
        return true;
    }
    try {
        static_cast<void>(nlohmann::json(text).dump());
        return true;
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

std::string why_no_event(std::string_view name) {
    std::string why = wire::why_no_event(name);
    return why.empty() && !is_utf8(name) ? "the name of the event is not UTF-8" : why;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string bytes;
    const absl::string_view encoded(text.data(), text.size());
    return absl::Base64Unescape(encoded, &bytes) ? std::optional(std::move(bytes)) : std::nullopt;
}

MessageOrMistake make_message(std::string_view id, std::string text, std::string_view event) {
    return make_message(std::vector{std::string(id)}, std::move(text), event);
}

MessageOrMistake make_message(std::vector<std::string> ids, std::string text,
                              std::string_view event) {
    for (const std::string& id : ids) {
        if (!wire::valid_id(id)) {
            return Mistake{.sentence = wire::why_invalid_id(id)};
        }
    }
    if (text.size() > wire::kPayloadBytesMax) {
        return Mistake{413, "a message has at most 65536 bytes"};
    }
    if (!is_utf8(text)) {
        return Mistake{415, "the message is not UTF-8"};
    }
    if (std::string why; !event.empty() && !(why = why_no_event(event)).empty()) {
        return Mistake{.sentence = std::move(why)};
    }
    return publish::Publication{std::move(ids), std::move(text), wire::encode({.event = event})};
}

} // namespace zcomet::webnode::route

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <cstring>
#include <variant>

namespace zcomet::sim {

namespace {

/// Lists of ids or messages are cut after this many.
constexpr std::uint32_t kShown = 12;

std::string list_text(const wire::IdList& ids) {
    std::string text;
    std::uint32_t shown = 0;
    ids.for_each([&](std::string_view id) {
        if (shown++ < kShown) {
            text += fmt::format(" {}", id.substr(0, 8));
        }
    });
    return ids.count() > kShown ? text + fmt::format(" … {} ids", ids.count()) : text;
}

std::string list_text(const wire::MessageList& messages) {
    std::string text;
    std::uint32_t shown = 0;
    messages.for_each([&](const wire::Message& message) {
        if (shown++ < kShown) {
            text += fmt::format(" #{}→{}", message_of(message.payload).value_or(0),
                                message.id.substr(0, 8));
        }
    });
    return messages.count() > kShown ? text + fmt::format(" … {}", messages.count()) : text;
}

std::string_view confirm_text(wire::Confirm confirm) {
    switch (confirm) {
    case wire::Confirm::kNothing:
        return "";
    case wire::Confirm::kReceipt:
        return " receipt";
    case wire::Confirm::kAcknowledgement:
        return " acknowledge";
    }
    return "";
}

std::string outcomes_text(const wire::Outcomes& outcomes) {
    std::string text = fmt::format(" {}:", outcomes.first);
    for (std::uint32_t i = 0; i < outcomes.count && i < kShown; ++i) {
        const wire::Outcome outcome = outcomes.outcome(i);
        text += outcome.nodes ? fmt::format(" {}", *outcome.nodes) : std::string(" ?");
        text += outcome.position != 0 ? fmt::format(" at {:x}", outcome.position) : std::string();
    }
    return text;
}

std::string batch_text(const wire::Batch& batch) {
    const std::string feed = fmt::format(" {:04x}", batch.incarnation >> 48U);
    if (batch.shed) {
        return fmt::format("{} {} to {} were shed: {} messages", feed, batch.shed_from,
                           batch.number, batch.shed_count);
    }
    return fmt::format("{} {}{}", feed, batch.number,
                       batch.messages.count() == 0 ? " (empty)" : list_text(batch.messages));
}

std::string welcome_text(const wire::Welcome& welcome) {
    const std::string broker = fmt::format(" of {:04x}", welcome.incarnation >> 48U);
    if (const auto* node = std::get_if<wire::NodeWelcome>(&welcome.part)) {
        return fmt::format("{} feed={:04x} changes_applied={} published={}", broker,
                           node->feed_incarnation >> 48U, node->changes_applied,
                           node->feed_published);
    }
    return fmt::format("{} credited={}", broker,
                       std::get<wire::SenderWelcome>(welcome.part).credited);
}

/// The text after the name of a frame: one function for each kind.
struct Describe {
    std::string operator()(const wire::Hello& frame) const {
        return fmt::format(" {} {:04x}", frame.name, frame.incarnation >> 48U);
    }
    std::string operator()(const wire::Goodbye& /*frame*/) const { return {}; }
    std::string operator()(const wire::Heartbeat& frame) const {
        return fmt::format(" feed={} change={}", frame.feed, frame.change);
    }
    std::string operator()(const wire::Login& frame) const {
        return fmt::format(" {}:{}", frame.change, list_text(frame.ids));
    }
    std::string operator()(const wire::Logout& frame) const {
        return fmt::format(" {}:{}", frame.change, list_text(frame.ids));
    }
    std::string operator()(const wire::List& frame) const {
        return fmt::format(" {}{}{}:{}", frame.change, frame.first ? " first" : "",
                           frame.last ? " last" : "", list_text(frame.ids));
    }
    std::string operator()(const wire::Resend& frame) const {
        return fmt::format(" {} to {}", frame.from, frame.through);
    }
    std::string operator()(const wire::Send& frame) const {
        return fmt::format(" {}{}:{}", frame.first, confirm_text(frame.confirm),
                           list_text(frame.messages));
    }
    std::string operator()(const wire::Ping& frame) const {
        return fmt::format(" {}", frame.token);
    }
    std::string operator()(const wire::Query& frame) const {
        return fmt::format(" {} {}", frame.what, frame.argument);
    }
    std::string operator()(const wire::History& frame) const {
        return fmt::format(" {} {:04x} after {:x}:{}", frame.token, frame.epoch >> 48U, frame.after,
                           list_text(frame.ids));
    }
    std::string operator()(const wire::Kept& frame) const {
        return fmt::format(" {} reach={} {:04x} {:x} to {:x}, batch {}{}:{}", frame.token,
                           static_cast<unsigned>(frame.reach), frame.epoch >> 48U, frame.since,
                           frame.through, frame.feed, frame.has_more ? ", more" : "",
                           list_text(frame.messages));
    }
    std::string operator()(const wire::Batch& frame) const { return batch_text(frame); }
    std::string operator()(const wire::Welcome& frame) const { return welcome_text(frame); }
    std::string operator()(const wire::Credit& frame) const {
        return fmt::format(" {}", frame.through);
    }
    std::string operator()(const wire::Receipt& frame) const { return outcomes_text(frame); }
    std::string operator()(const wire::Acknowledged& frame) const { return outcomes_text(frame); }
    std::string operator()(const wire::Pong& frame) const {
        return fmt::format(" {}", frame.token);
    }
    std::string operator()(const wire::Answer& frame) const {
        return fmt::format(" {}", frame.json);
    }
    std::string operator()(const wire::ErrorFrame& frame) const {
        return fmt::format(" {}: {}", wire::name_of(frame.code), frame.text);
    }
};

} // namespace

std::string make_payload(std::uint64_t message, std::size_t filler_bytes) {
    std::string payload(sizeof(message) + filler_bytes, '.');
    std::memcpy(payload.data(), &message, sizeof(message));
    return payload;
}

std::optional<std::uint64_t> message_of(std::string_view payload) {
    std::uint64_t message = 0;
    if (payload.size() < sizeof(message)) {
        return std::nullopt;
    }
    std::memcpy(&message, payload.data(), sizeof(message));
    return message;
}

std::string frame_text(std::string_view frame, wire::Role role) {
    const auto decoded = wire::decode(frame, role);
    if (const auto* refusal = std::get_if<wire::Refusal>(&decoded)) {
        return fmt::format("no frame: {}", refusal->text);
    }
    const auto& body = std::get<wire::Frame>(decoded);
    return std::string(wire::kind_of(body).name) + std::visit(Describe{}, body);
}

bool is_heartbeat(std::string_view frame) {
    constexpr std::size_t kEmptyBatchBytes = wire::kHeaderBytes + 8 + 8 + 1 + 4;
    const auto kind = static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]);
    return kind == wire::Kind::kHeartbeat ||
           (kind == wire::Kind::kBatch && frame.size() == kEmptyBatchBytes);
}

} // namespace zcomet::sim

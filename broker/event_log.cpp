#include "broker/event_log.hpp"

#include <spdlog/spdlog.h>

namespace zcomet {

namespace {

std::string_view name_of(RouterEvent::Kind kind) {
    switch (kind) {
    case RouterEvent::Kind::kJoined:
        return "joined";
    case RouterEvent::Kind::kReconnected:
        return "reconnected";
    case RouterEvent::Kind::kLive:
        return "live";
    case RouterEvent::Kind::kLeft:
        return "left";
    case RouterEvent::Kind::kDied:
        return "died";
    case RouterEvent::Kind::kReplaced:
        return "replaced";
    case RouterEvent::Kind::kShed:
        return "shed";
    case RouterEvent::Kind::kRefused:
        return "refused";
    case RouterEvent::Kind::kPaused:
        return "paused";
    case RouterEvent::Kind::kDrifted:
        return "drifted";
    }
    return "unknown";
}

/// Senders come and go by the hundred; that they do is no news. A node is.
spdlog::level::level_enum level_of(const RouterEvent& event) {
    const bool is_node = event.role == wire::Role::kNode;
    if (event.kind == RouterEvent::Kind::kDied || event.kind == RouterEvent::Kind::kReplaced ||
        event.kind == RouterEvent::Kind::kDrifted) {
        return is_node ? spdlog::level::warn : spdlog::level::info;
    }
    return is_node ? spdlog::level::info : spdlog::level::debug;
}

} // namespace

void EventLog::write(const RouterEvent& event) {
    switch (event.kind) {
    case RouterEvent::Kind::kRefused:
        write_refusal(event);
        return;
    case RouterEvent::Kind::kShed:
        if (const std::uint64_t times = sheds_.pass(); times > 0) {
            spdlog::warn("event=shed node={} messages={} times={}", event.name, event.count, times);
        }
        return;
    case RouterEvent::Kind::kPaused:
        spdlog::warn("event=paused ms={}", event.count);
        return;
    default:
        spdlog::log(level_of(event), "event={} {}={} incarnation={} address={} ids={}",
                    name_of(event.kind), event.role == wire::Role::kNode ? "node" : "sender",
                    event.name, hex_u64(event.incarnation), event.address, event.count);
    }
}

void EventLog::write_refusal(const RouterEvent& event) {
    if (const std::uint64_t times = refusals_.pass(); times > 0) {
        spdlog::warn("event=refused code={} peer={} address={} text=\"{}\" times={}",
                     wire::name_of(event.code), event.name.empty() ? "-" : event.name,
                     event.address, event.text, times);
    }
}

} // namespace zcomet

#include "broker/shell/event_log.hpp"

#include "topology/base/text.hpp"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

namespace zcomet::broker::shell {

namespace {

std::string_view name_of(router::RouterEvent::Kind kind) {
    switch (kind) {
    case router::RouterEvent::Kind::kJoined:
        return "joined";
    case router::RouterEvent::Kind::kReconnected:
        return "reconnected";
    case router::RouterEvent::Kind::kLive:
        return "live";
    case router::RouterEvent::Kind::kLeft:
        return "left";
    case router::RouterEvent::Kind::kDied:
        return "died";
    case router::RouterEvent::Kind::kReplaced:
        return "replaced";
    case router::RouterEvent::Kind::kShed:
        return "shed";
    case router::RouterEvent::Kind::kRefused:
        return "refused";
    case router::RouterEvent::Kind::kPaused:
        return "paused";
    case router::RouterEvent::Kind::kBehind:
        return "behind";
    case router::RouterEvent::Kind::kCaughtUp:
        return "caught-up";
    case router::RouterEvent::Kind::kDisbelieved:
        return "disbelieved";
    case router::RouterEvent::Kind::kDrifted:
        return "drifted";
    case router::RouterEvent::Kind::kRevoked:
        return "revoked";
    case router::RouterEvent::Kind::kNear:
        return "near-limit";
    case router::RouterEvent::Kind::kListOld:
        return "list-old";
    }
    return "unknown";
}

/// Why a peer is gone, or its ids are asked for, where the event's name does not say it.
std::string_view reason_of(router::RouterEvent::Kind kind) {
    switch (kind) {
    case router::RouterEvent::Kind::kDied:
        return " text=\"silent for --liveness-ms\"";
    case router::RouterEvent::Kind::kReplaced:
        return " text=\"a newer process has its name\"";
    case router::RouterEvent::Kind::kRevoked:
        return " text=\"its key was revoked, or lost its role\"";
    case router::RouterEvent::Kind::kDrifted:
        return " text=\"its ids were not those known here; it was asked for all\"";
    default:
        return "";
    }
}

/// Senders come and go by the hundred, which is not worth a line. A node that does is.
spdlog::level::level_enum level_of(const router::RouterEvent& event) {
    const bool is_node = event.role == wire::Role::kNode;
    if (event.kind == router::RouterEvent::Kind::kDied ||
        event.kind == router::RouterEvent::Kind::kReplaced ||
        event.kind == router::RouterEvent::Kind::kRevoked ||
        event.kind == router::RouterEvent::Kind::kDrifted) {
        return is_node ? spdlog::level::warn : spdlog::level::info;
    }
    return is_node ? spdlog::level::info : spdlog::level::debug;
}

} // namespace

void EventLog::write(const router::RouterEvent& event, Time now) {
    switch (event.kind) {
    case router::RouterEvent::Kind::kRefused:
        write_refusal(event, now);
        return;
    case router::RouterEvent::Kind::kShed:
        if (const std::uint64_t times = sheds_.pass(now); times > 0) {
            spdlog::warn("event=shed node={} messages={} times={}", log_value(event.name),
                         event.count, times);
        }
        return;
    case router::RouterEvent::Kind::kBehind:
    case router::RouterEvent::Kind::kCaughtUp:
        if (const std::uint64_t times = lags_.pass(now); times > 0) {
            spdlog::warn("event={} node={} messages_waiting={} times={}", name_of(event.kind),
                         log_value(event.name), event.count, times);
        }
        return;
    case router::RouterEvent::Kind::kDisbelieved:
        if (const std::uint64_t times = disbelieved_.pass(now); times > 0) {
            spdlog::warn("event=disbelieved node={} address={} times={} text=\"it reports numbers "
                         "that cannot be; the ledger leaves them out\"",
                         log_value(event.name), log_value(event.address), times);
        }
        return;
    case router::RouterEvent::Kind::kPaused:
        spdlog::warn("event=paused ms={}", event.count);
        return;
    case router::RouterEvent::Kind::kNear:
        spdlog::warn("event=near-limit limit={} used={} of={}", log_value(event.text), event.count,
                     event.bound);
        return;
    case router::RouterEvent::Kind::kListOld:
        spdlog::warn(
            "event=list-old version={} told={} by={} text=\"this broker's cluster file has "
            "an older list of brokers than a peer's\"",
            event.bound, event.count, log_value(event.name));
        return;
    default:
        write_of_peer(event, now);
    }
}

/// A peer may come and go a hundred thousand times a second.
void EventLog::write_of_peer(const router::RouterEvent& event, Time now) {
    const spdlog::level::level_enum level = level_of(event);
    if (!spdlog::should_log(level)) {
        return;
    }
    OfKind& kind = of_kinds_[static_cast<std::size_t>(event.kind)];
    ++kind.times;
    if (!kind.limit.allow(now)) {
        return;
    }
    const std::uint64_t times = std::exchange(kind.times, 0);
    spdlog::log(level, "event={} {}={} incarnation={} address={} ids={}{}{}", name_of(event.kind),
                event.role == wire::Role::kNode ? "node" : "sender", log_value(event.name),
                router::hex_u64(event.incarnation), log_value(event.address), event.count,
                times > 1 ? " times=" + std::to_string(times) : "", reason_of(event.kind));
}

void EventLog::write_refusal(const router::RouterEvent& event, Time now) {
    if (const std::uint64_t times = refusals_.pass(now); times > 0) {
        spdlog::warn("event=refused code={} peer={} address={} text={} times={}",
                     wire::name_of(event.code), event.name.empty() ? "-" : log_value(event.name),
                     log_value(event.address), log_value(event.text), times);
    }
}

} // namespace zcomet::broker::shell

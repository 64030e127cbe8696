#include "broker/router/router.hpp"

#include <algorithm>
#include <string>

namespace zcomet::broker::router {

namespace {

/// Links looked at for each id that a node names, beside those of the turns: whoever makes links
/// clears twice as many away, so that those of nodes that come and go with very many ids do not
/// pile up, even if others have links looked at by beginning lists.
constexpr std::uint32_t kReclaimedPerId = 2;

/// A node whose ids had no room is asked for its list no more often than this, however often room
/// comes and goes.
constexpr Duration kRefusedIdsInterval = 10s;

} // namespace

void Router::on_change(const Incoming& in, std::uint64_t change, const wire::IdList& ids,
                       bool login) {
    table::NodePart& node = *peers_[in.peer].node();
    if (change <= node.changes_applied) {
        return;
    }
    const bool breaks_list = node.list_under_way.has_value();
    if (node.list_needed && !breaks_list) {
        return;
    }
    const bool is_next = change == node.changes_applied + 1;
    if (breaks_list || !is_next) {
        need_list(in);
        return;
    }
    const std::uint64_t refused_before = node.ids_refused;
    if (login) {
        log_in(in, ids);
    } else {
        log_out(in, ids);
    }
    reclaim(kReclaimedPerId * ids.count());
    node.changes_applied = change;
    if (node.ids_refused > refused_before) {
        refuse_ids(in);
    }
}

/// As many as there is room for.
void Router::log_in(const Incoming& in, const wire::IdList& ids) {
    table::NodePart& node = *peers_[in.peer].node();
    std::uint64_t logged_in = 0;
    std::uint64_t refused = 0;
    ids.for_each([&](std::string_view id) {
        if (table_.held_count() < options_.ids_max || table_.holds(in.peer, id)) {
            logged_in += table_.login(in.peer, id);
        } else {
            ++refused;
        }
    });
    node.ids_refused += refused;
    counters_.add(table::BrokerCounter::kLogins, logged_in);
    counters_.add(table::BrokerCounter::kLoginsRefused, refused);
}

void Router::log_out(const Incoming& in, const wire::IdList& ids) {
    table::NodePart& node = *peers_[in.peer].node();
    std::uint64_t logged_out = 0;
    ids.for_each([&](std::string_view id) { logged_out += table_.logout(in.peer, id); });
    // One that was not logged in is one of those that had no room.
    node.ids_refused -= std::min(node.ids_refused, ids.count() - logged_out);
    counters_.add(table::BrokerCounter::kLogouts, logged_out);
}

/// Always told: without it, the node would take a later PONG for the word that all are logged in.
void Router::refuse_ids(const Incoming& in) {
    const auto kind = static_cast<std::uint8_t>(in.bytes[wire::kHeaderBytes - 1]);
    const std::string text = "this broker has as many ids as it may have; it lacks " +
                             std::to_string(peers_[in.peer].node()->ids_refused) + " of this node";
    tell_error_always(in, {wire::ErrorCode::kOverloaded, kind, text});
}

void Router::on_list(const Incoming& in, const wire::List& list) {
    table::NodePart& node = *peers_[in.peer].node();
    if (list.first) {
        table_.begin_list(in.peer);
        node.list_under_way = list.change;
        node.ids_refused = 0;
    } else if (node.list_under_way != list.change) {
        need_list(in);
        return;
    }
    log_in(in, list.ids);
    reclaim(kReclaimedPerId * list.ids.count());
    if (!list.last) {
        return;
    }
    const std::uint32_t before = table_.id_count(in.peer);
    table_.end_list(in.peer);
    counters_.add(table::BrokerCounter::kLogouts, before - table_.id_count(in.peer));
    counters_.add(table::BrokerCounter::kLists);
    node.changes_applied = list.change;
    node.list_under_way.reset();
    node.list_needed = false;
    if (node.ids_refused > 0) {
        refuse_ids(in);
    }
}

void Router::need_list(const Incoming& in) {
    table::NodePart& node = *peers_[in.peer].node();
    node.list_needed = true;
    node.list_under_way.reset();
    refuse(in, wire::ErrorCode::kListNeeded,
           "login changes are missing after " + std::to_string(node.changes_applied));
}

/// Whether both sides know the same ids. Once more at each heartbeat, until the list comes.
void Router::compare_digests(const Incoming& in, const wire::Heartbeat& heartbeat) {
    table::NodePart& node = *peers_[in.peer].node();
    if (node.list_under_way) {
        return;
    }
    // Frames of one connection keep their order, so a change that the node has made and that is not
    // here was lost.
    if (heartbeat.change > node.changes_applied || node.list_needed) {
        need_list(in);
    } else if (node.ids_refused > 0) {
        ask_for_refused_ids(in); // until they are logged in the digests cannot agree
    } else if (heartbeat.change == node.changes_applied &&
               heartbeat.digest != table_.digest(in.peer)) {
        counters_.add(table::BrokerCounter::kDigestMismatches);
        report(RouterEvent::Kind::kDrifted, peers_[in.peer]);
        need_list(in);
    }
}

/// For the node's list, when there is room for what was refused.
void Router::ask_for_refused_ids(const Incoming& in) {
    table::NodePart& node = *peers_[in.peer].node();
    if (table_.held_count() + node.ids_refused <= options_.ids_max &&
        node.refused_ids_due <= in.now) {
        node.refused_ids_due = in.now + kRefusedIdsInterval;
        need_list(in);
    }
}

void Router::on_feed_acknowledged(table::NodePart& node, std::uint64_t through, Time now) {
    if (through <= node.feed.published()) {
        acknowledgements_.acknowledge(
            node.awaited, through, [this](const table::AwaitedSend& send) { acknowledge(send); });
    }
    node.feed.acknowledge(through, now);
}

void Router::on_resend(const Incoming& in, const wire::Resend& resend) {
    table::NodePart& node = *peers_[in.peer].node();
    counters_.add(table::BrokerCounter::kResendRequests);
    // Asking for `from` says that everything before it was applied.
    on_feed_acknowledged(node, resend.from - 1, in.now);
    node.feed.resend(resend.from);
    activate(in.peer, node);
}

} // namespace zcomet::broker::router

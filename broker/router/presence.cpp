#include "broker/router/presence.hpp"

#include <algorithm>
#include <string>

namespace zcomet::broker::router {

namespace {

/// Links reclaimed for each id that a node names, in addition to those of the turns. A node that
/// makes a link has two looked at, so the links of nodes that come and go with very many ids do not
/// pile up, even if lists make other links be looked at repeatedly.
constexpr std::uint32_t kReclaimedPerId = 2;

/// A node whose ids had no room is asked for its list no more often than this, however often room
/// comes and goes.
/// @limit time between two requests for the list of a node whose ids had no room
constexpr Duration kRefusedIdsInterval = 10s;

} // namespace

void Presence::on_login(const Incoming& in, const wire::Login& login) {
    on_change(in, login.change, login.ids.count(), [&] { log_in(in, login.ids); });
}

void Presence::on_logout(const Incoming& in, const wire::Logout& logout) {
    on_change(in, logout.change, logout.ids.count(), [&] { log_out(in, logout.ids); });
}

template <typename Apply>
void Presence::on_change(const Incoming& in, std::uint64_t change, std::uint32_t ids,
                         Apply&& apply) {
    table::NodePart& node = state_.node_of(in);
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
    apply();
    reclaim(kReclaimedPerId * ids);
    node.changes_applied = change;
    if (node.ids_refused > refused_before) {
        refuse_ids(in);
    }
}

/// Logs in as many as there is room for.
void Presence::log_in(const Incoming& in, const wire::IdList& ids) {
    table::RoutingTable& table = state_.table;
    std::uint64_t logged_in = 0;
    std::uint64_t refused = 0;
    ids.for_each([&](std::string_view id) {
        if (table.held_count() < state_.options.ids_max || table.holds(in.peer, id)) {
            logged_in += table.login(in.peer, id) ? 1 : 0;
        } else {
            ++refused;
        }
    });
    state_.node_of(in).ids_refused += refused;
    state_.count(table::BrokerCounter::kLogins, logged_in);
    state_.count(table::BrokerCounter::kLoginsRefused, refused);
}

void Presence::log_out(const Incoming& in, const wire::IdList& ids) {
    table::NodePart& node = state_.node_of(in);
    std::uint64_t logged_out = 0;
    ids.for_each(
        [&](std::string_view id) { logged_out += state_.table.logout(in.peer, id) ? 1 : 0; });
    // An id that was not logged in is one of those that had no room.
    node.ids_refused -= std::min(node.ids_refused, ids.count() - logged_out);
    state_.count(table::BrokerCounter::kLogouts, logged_out);
}

/// The node is told each time. Without that, it would take a later PONG to say that all its ids
/// are logged in.
void Presence::refuse_ids(const Incoming& in) {
    refusals_.refuse_always(in, wire::ErrorCode::kOverloaded,
                            "this broker has as many ids as it may have; it lacks " +
                                std::to_string(state_.node_of(in).ids_refused) + " of this node");
}

void Presence::on_list(const Incoming& in, const wire::List& list) {
    table::NodePart& node = state_.node_of(in);
    if (list.first) {
        state_.table.begin_list(in.peer);
        node.list_under_way = list.change;
        node.ids_refused = 0;
    } else if (node.list_under_way != list.change) {
        need_list(in);
        return;
    }
    log_in(in, list.ids);
    reclaim(kReclaimedPerId * list.ids.count());
    if (list.last) {
        end_list(in, list.change);
    }
}

void Presence::end_list(const Incoming& in, std::uint64_t change) {
    table::NodePart& node = state_.node_of(in);
    const std::uint32_t before = state_.table.id_count(in.peer);
    state_.table.end_list(in.peer);
    state_.count(table::BrokerCounter::kLogouts, before - state_.table.id_count(in.peer));
    state_.count(table::BrokerCounter::kLists);
    node.changes_applied = change;
    node.list_under_way.reset();
    node.list_needed = false;
    if (node.ids_refused > 0) {
        refuse_ids(in);
    }
}

void Presence::need_list(const Incoming& in) {
    table::NodePart& node = state_.node_of(in);
    node.list_needed = true;
    node.list_under_way.reset();
    refusals_.refuse(in, wire::ErrorCode::kListNeeded,
                     "login changes are missing after " + std::to_string(node.changes_applied));
}

/// Asks once more at each heartbeat, until the list comes.
void Presence::on_heartbeat(const Incoming& in, const wire::Heartbeat& heartbeat) {
    table::NodePart& node = state_.node_of(in);
    node.streams = heartbeat.streams;
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
               heartbeat.digest != state_.table.digest(in.peer)) {
        state_.count(table::BrokerCounter::kDigestMismatches);
        state_.report(RouterEvent::Kind::kDrifted, state_.peers[in.peer]);
        need_list(in);
    }
}

/// Asks for the node's list when there is room for the ids that were refused.
void Presence::ask_for_refused_ids(const Incoming& in) {
    table::NodePart& node = state_.node_of(in);
    if (state_.table.held_count() + node.ids_refused <= state_.options.ids_max &&
        node.refused_ids_due <= in.now) {
        node.refused_ids_due = in.now + kRefusedIdsInterval;
        need_list(in);
    }
}

/// As long as a link bears a removed node's index, no other peer may have that index.
void Presence::reclaim(std::uint32_t links_max) {
    state_.table.reclaim(links_max, [this](table::NodeIndex index) { state_.peers.free(index); });
}

} // namespace zcomet::broker::router

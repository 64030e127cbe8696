#include "broker/router/presence.hpp"

#include <algorithm>
#include <string>
#include <variant>

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

bool Presence::is_about_ids(const wire::Frame& frame) {
    return std::holds_alternative<wire::Login>(frame) ||
           std::holds_alternative<wire::Logout>(frame) || std::holds_alternative<wire::List>(frame);
}

void Presence::on_ids(const Incoming& in, const wire::Frame& frame, const wire::IdList& ids) {
    if (begin(in, frame)) {
        const std::uint64_t refused_before = state_.node_of(in).ids_refused;
        apply(in, frame, ids);
        end(in, frame, refused_before);
    }
}

bool Presence::begin(const Incoming& in, const wire::Frame& frame) {
    if (const auto* login = std::get_if<wire::Login>(&frame)) {
        return may_change(in, login->change);
    }
    if (const auto* logout = std::get_if<wire::Logout>(&frame)) {
        return may_change(in, logout->change);
    }
    return begin_list(in, std::get<wire::List>(frame));
}

void Presence::apply(const Incoming& in, const wire::Frame& frame, const wire::IdList& ids) {
    if (std::holds_alternative<wire::Logout>(frame)) {
        log_out(in, ids);
    } else {
        log_in(in, ids);
    }
    reclaim(kReclaimedPerId * ids.count());
}

void Presence::end(const Incoming& in, const wire::Frame& frame, std::uint64_t refused_before) {
    if (const auto* list = std::get_if<wire::List>(&frame)) {
        if (list->last) {
            end_list(in, list->change);
        }
        return;
    }
    table::NodePart& node = state_.node_of(in);
    const auto* login = std::get_if<wire::Login>(&frame);
    node.changes_applied = login != nullptr ? login->change : std::get<wire::Logout>(frame).change;
    if (node.ids_refused > refused_before) {
        refuse_ids(in);
    }
}

bool Presence::may_change(const Incoming& in, std::uint64_t change) {
    const table::NodePart& node = state_.node_of(in);
    if (change <= node.changes_applied) {
        return false;
    }
    const bool breaks_list = node.list_under_way.has_value();
    if (node.list_needed && !breaks_list) {
        return false;
    }
    const bool is_next = change == node.changes_applied + 1;
    if (breaks_list || !is_next) {
        need_list(in);
        return false;
    }
    return true;
}

/// Logs in as many as there is room for.
void Presence::log_in(const Incoming& in, const wire::IdList& ids) {
    table::RoutingTable& table = state_.table;
    std::uint64_t logged_in = 0;
    std::uint64_t refused = 0;
    ids.for_each([&](std::string_view id) {
        if (has_room(in.peer, 1) || table.holds(in.peer, id)) {
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
                            std::string(why_no_room(in.peer)) + "; the broker lacks " +
                                std::to_string(state_.node_of(in).ids_refused) + " of this node");
}

bool Presence::has_room(table::PeerIndex node, std::uint64_t ids) const {
    const RouterOptions& options = state_.options;
    return state_.table.held_count() + ids <= options.ids_max &&
           state_.table.id_count(node) + ids <= options.ids_per_node && !state_.is_memory_full();
}

std::string_view Presence::why_no_room(table::PeerIndex node) const {
    if (state_.table.id_count(node) >= state_.options.ids_per_node) {
        return "this node has as many ids as one node may have";
    }
    return state_.is_memory_full() ? "this broker takes as much memory as it may"
                                   : "this broker has as many ids as it may have";
}

bool Presence::begin_list(const Incoming& in, const wire::List& list) {
    table::NodePart& node = state_.node_of(in);
    if (list.first) {
        state_.table.begin_list(in.peer);
        node.list_under_way = list.change;
        node.ids_refused = 0;
    } else if (node.list_under_way != list.change) {
        need_list(in);
        return false;
    }
    return true;
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
    if (node.list_under_way || node.waiting != nullptr) {
        return; // the next HEARTBEAT after that tells whether both sides agree
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
    if (has_room(in.peer, node.ids_refused) && node.refused_ids_due <= in.now) {
        node.refused_ids_due = in.now + kRefusedIdsInterval;
        need_list(in);
    }
}

/// As long as a link bears a removed node's index, no other peer may have that index.
void Presence::reclaim(std::uint32_t links_max) {
    state_.table.reclaim(links_max, [this](table::NodeIndex index) { state_.peers.free(index); });
}

} // namespace zcomet::broker::router

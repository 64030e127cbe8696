#include "broker/router/router.hpp"
#include "topology/base/mutants.hpp"

#include <string>

namespace zcomet::broker::router {

namespace {

/// Links looked at for each id that a node names, beside those of the turns: whoever makes links
/// clears twice as many away, so that those of nodes that come and go with very many ids do not
/// pile up, even if others have links looked at by beginning lists.
constexpr std::uint32_t kReclaimedPerId = 2;

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
    const bool is_next = change == node.changes_applied + 1 || ZCOMET_MUTANT(kTrustChanges);
    if (breaks_list || !is_next) {
        need_list(in);
        return;
    }
    std::uint64_t changed = 0;
    ids.for_each([&](std::string_view id) {
        changed += login ? table_.login(in.peer, id) : table_.logout(in.peer, id);
    });
    reclaim(kReclaimedPerId * ids.count());
    counters_.add(login ? table::BrokerCounter::kLogins : table::BrokerCounter::kLogouts, changed);
    node.changes_applied = change;
}

void Router::on_list(const Incoming& in, const wire::List& list) {
    table::NodePart& node = *peers_[in.peer].node();
    if (list.first) {
        table_.begin_list(in.peer);
        node.list_under_way = list.change;
    } else if (node.list_under_way != list.change) {
        need_list(in);
        return;
    }
    std::uint64_t logged_in = 0;
    list.ids.for_each([&](std::string_view id) { logged_in += table_.login(in.peer, id); });
    counters_.add(table::BrokerCounter::kLogins, logged_in);
    reclaim(kReclaimedPerId * list.ids.count());
    if (!list.last) {
        if (ZCOMET_MUTANT(kSweepEarly)) {
            table_.end_list(in.peer);
            table_.begin_list(in.peer);
        }
        return;
    }
    const std::uint32_t before = table_.id_count(in.peer);
    table_.end_list(in.peer);
    counters_.add(table::BrokerCounter::kLogouts, before - table_.id_count(in.peer));
    counters_.add(table::BrokerCounter::kLists);
    node.changes_applied = list.change;
    node.list_under_way.reset();
    node.list_needed = false;
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
    if (node.list_under_way || ZCOMET_MUTANT(kTrustChanges)) {
        return;
    }
    // Frames of one connection keep their order, so a change that the node has made and that is not
    // here was lost.
    if (heartbeat.change > node.changes_applied || node.list_needed) {
        need_list(in);
    } else if (heartbeat.change == node.changes_applied &&
               heartbeat.digest != table_.digest(in.peer) && !ZCOMET_MUTANT(kIgnoreDigests)) {
        counters_.add(table::BrokerCounter::kDigestMismatches);
        report(RouterEvent::Kind::kDrifted, peers_[in.peer]);
        need_list(in);
    }
}

void Router::on_feed_acknowledged(table::NodePart& node, std::uint64_t through, Time now) {
    if (through <= node.feed.published()) {
        acknowledgements_.acknowledge(
            node.awaited, through,
            [&node](std::uint64_t batch) {
                return node.feed.was_shed(batch) && !ZCOMET_MUTANT(kAcknowledgeShed);
            },
            [this](const table::AwaitedSend& send) { acknowledge(send); });
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

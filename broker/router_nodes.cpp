#include "broker/router.hpp"
#include "topology/mutants.hpp"

#include <string>

namespace zcomet {

void Router::on_change(const Incoming& in, std::uint64_t change, const wire::IdList& ids,
                       bool login) {
    NodePart& node = *peers_[in.peer].node();
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
    counters_.add(login ? BrokerCounter::kLogins : BrokerCounter::kLogouts, changed);
    node.changes_applied = change;
}

void Router::on_list(const Incoming& in, const wire::List& list) {
    NodePart& node = *peers_[in.peer].node();
    if (list.first) {
        table_.begin_list(in.peer);
        node.list_under_way = list.change;
    } else if (node.list_under_way != list.change) {
        need_list(in);
        return;
    }
    std::uint64_t logged_in = 0;
    list.ids.for_each([&](std::string_view id) { logged_in += table_.login(in.peer, id); });
    counters_.add(BrokerCounter::kLogins, logged_in);
    if (!list.last) {
        if (ZCOMET_MUTANT(kSweepEarly)) {
            table_.end_list(in.peer);
            table_.begin_list(in.peer);
        }
        return;
    }
    const std::uint32_t before = table_.id_count(in.peer);
    table_.end_list(in.peer);
    counters_.add(BrokerCounter::kLogouts, before - table_.id_count(in.peer));
    counters_.add(BrokerCounter::kLists);
    node.changes_applied = list.change;
    node.list_under_way.reset();
    node.list_needed = false;
}

void Router::need_list(const Incoming& in) {
    NodePart& node = *peers_[in.peer].node();
    node.list_needed = true;
    node.list_under_way.reset();
    refuse(in, wire::ErrorCode::kListNeeded,
           "login changes are missing after " + std::to_string(node.changes_applied));
}

void Router::on_resend(const Incoming& in, const wire::Resend& resend) {
    NodePart& node = *peers_[in.peer].node();
    counters_.add(BrokerCounter::kResendRequests);
    node.feed.resend(resend.from, in.now);
    activate(in.peer, node);
}

} // namespace zcomet

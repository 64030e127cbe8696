#include "topology/session/ledger_book.hpp"

#include <algorithm>

namespace zcomet::session {

/// What one broker has sent, and still waits for its fate, was not noted while there was no other.
void LedgerBook::use(std::size_t brokers) {
    if (brokers <= ledgers_.size()) {
        return;
    }
    if (ledgers_.size() == 1 && delivered_ > 0) {
        const std::uint64_t fates = settled(of(0)) - settled_before_;
        if (fates < delivered_) {
            waiting_.push_back({0, delivered_ - fates});
        }
    }
    ledgers_.resize(brokers);
}

void LedgerBook::on_delivered(std::size_t broker, std::uint32_t messages) {
    if (delivered_ == 0) {
        settled_before_ = settled(events_.ledger());
    }
    delivered_ += messages;
    if (ledgers_.size() == 1) {
        return; // all that is counted is about that one
    }
    if (!waiting_.empty() && (waiting_.back().broker == broker || waiting_.size() == kWaitingMax)) {
        waiting_.back().messages += messages;
    } else {
        waiting_.push_back({broker, messages});
    }
}

const wire::NodeLedger& LedgerBook::of(std::size_t broker) {
    const wire::NodeLedger before = counted_;
    counted_ = events_.ledger();
    wire::NodeLedger& first = ledgers_.front();
    if (ledgers_.size() == 1) {
        first = counted_;
        return first;
    }
    const std::uint64_t unclaimed = first.unclaimed;
    const std::uint64_t shown = first.shown;
    first = counted_;
    first.unclaimed = unclaimed;
    first.shown = shown;
    settle(counted_.unclaimed - before.unclaimed, &wire::NodeLedger::unclaimed);
    settle(counted_.shown - before.shown, &wire::NodeLedger::shown);
    ledgers_[broker].places = counted_.places;
    return ledgers_[broker];
}

void LedgerBook::settle(std::uint64_t count, std::uint64_t wire::NodeLedger::*fate) {
    while (count > 0 && !waiting_.empty()) {
        Waiting& oldest = waiting_.front();
        const std::uint64_t part = std::min(count, oldest.messages);
        ledgers_[oldest.broker].*fate += part;
        oldest.messages -= part;
        count -= part;
        if (oldest.messages == 0) {
            waiting_.pop_front();
        }
    }
}

} // namespace zcomet::session

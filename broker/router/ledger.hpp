// Adds up where every message went, by the counts of senders, this broker and its nodes. If the
// sums do not agree, a message was lost without being counted as lost.
#pragma once

#include "broker/table/counters.hpp"
#include "broker/table/peer_table.hpp"
#include "topology/wire/frames.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace zcomet::broker::router {

/// Whether a node can have counted that on its present feed: no number falls, and none is larger
/// than what it is a part of.
/// @param before        what the node reported last.
/// @param acknowledged  the messages on the feed that it has acknowledged.
[[nodiscard]] bool is_possible(const wire::NodeLedger& now, const wire::NodeLedger& before,
                               std::uint64_t acknowledged);

/// A sum whose parts change. It stays right when it is too large to be said.
class ChangingSum {
  public:
    void change(std::uint64_t before, std::uint64_t now) {
        high_ += (low_ + now < low_ ? 1U : 0U);
        low_ += now;
        high_ -= (low_ < before ? 1U : 0U);
        low_ -= before;
    }
    void add(std::uint64_t part) { change(0, part); }
    /// The sum; the largest number if it is larger.
    [[nodiscard]] std::uint64_t get() const { return high_ == 0 ? low_ : UINT64_MAX; }

  private:
    std::uint64_t low_ = 0;
    std::uint64_t high_ = 0; // modulo 2^64
};

/// The numbers of a node's report that the ledger adds up.
inline constexpr std::array kSummed{
    &wire::NodeLedger::received,        &wire::NodeLedger::duplicates,
    &wire::NodeLedger::unclaimed,       &wire::NodeLedger::shown,
    &wire::NodeLedger::chunks_given,    &wire::NodeLedger::chunks_written,
    &wire::NodeLedger::chunks_dropped,  &wire::NodeLedger::chunks_waiting,
    &wire::NodeLedger::streams_cut_off, &wire::NodeLedger::cut_off_ms,
};

/// The sums over all peers, present and gone. Each change of a peer's counts is added when it
/// happens, so a question costs the same however many peers there are.
/// Thread: the router's.
class LedgerSums {
  public:
    /// The node's last report is this one now.
    void on_report(table::NodePart& node, const wire::NodeLedger& report);
    /// The node has reported what cannot be. Its numbers leave the sums, now and later.
    void on_disbelieved(std::string_view name, table::NodePart& node);
    /// The broker has counted so many more messages as acknowledged by the node.
    void on_acknowledged(const table::NodePart& node, std::uint64_t messages) {
        if (node.is_disbelieved) {
            disbelieved_.add(messages);
        }
    }
    /// The sender's counts may have changed.
    void on_sender(table::SenderPart& sender);
    /// The peer goes. All that it acknowledged was counted.
    void on_gone(table::Peer& peer);

    /// Of the last reports of all nodes.
    [[nodiscard]] wire::NodeLedger nodes() const;
    /// Messages sent by senders, as far as this broker has to account for them.
    [[nodiscard]] std::uint64_t sent() const { return sent_.get(); }
    /// Messages that present senders say they have sent, and that have not come.
    [[nodiscard]] std::uint64_t missing() const { return missing_.get(); }
    /// Copies acknowledged by nodes whose reports are not believed.
    [[nodiscard]] std::uint64_t disbelieved() const { return disbelieved_.get(); }
    /// Copies that nodes acknowledged after their last report of what became of their messages. A
    /// node does so by a RESEND, when it dies before its next HEARTBEAT.
    [[nodiscard]] std::uint64_t unreported() const { return unreported_.get(); }
    /// Chunks that waited for slow streams when their node was gone.
    [[nodiscard]] std::uint64_t chunks_abandoned() const { return chunks_abandoned_.get(); }
    /// Present nodes whose reports are not believed.
    [[nodiscard]] const std::set<std::string, std::less<>>& disbelieved_nodes() const {
        return disbelieved_nodes_;
    }

  private:
    void on_node_gone(std::string_view name, table::NodePart& node);

    std::array<ChangingSum, kSummed.size()> nodes_;
    ChangingSum sent_;
    ChangingSum missing_;
    ChangingSum disbelieved_;
    ChangingSum unreported_;
    ChangingSum chunks_abandoned_;
    std::set<std::string, std::less<>> disbelieved_nodes_;
};

/// The answer to QUERY `ledger` (docs/PROTOCOL.md, section 4.8). A remainder at a moment when
/// messages are on their way may be gone a heartbeat later.
/// @param under_way  copies that feeds keep.
[[nodiscard]] std::string ledger_json(const LedgerSums& sums, const table::BrokerCounters& counters,
                                      std::uint64_t under_way);

} // namespace zcomet::broker::router

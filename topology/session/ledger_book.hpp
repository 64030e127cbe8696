// What became of the messages of each of a node's brokers.
#pragma once

#include "topology/session/node_events.hpp"
#include "topology/wire/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace zcomet::session {

/// A program counts the fates of all its messages together (NodeEvents::ledger()), and some of them
/// have to wait for their fate. Each broker wants to know what became of those that it sent. So the
/// book lets them have their fates in the order in which they came: the sums of all brokers are
/// right at any time, and those of each broker once nothing waits.
///
/// What cannot be noted since kWaitingMax is reached counts for the broker that came last.
///
/// What streams were given is counted in chunks, of which a program does not know the broker. The
/// first broker of the list is told of all of them.
///
/// One for each node. Thread: that of the sessions.
class LedgerBook {
  public:
    /// @limit changes between brokers among the messages whose fate is not known yet (1 MiB)
    static constexpr std::size_t kWaitingMax = 65'536;

    /// @param events  lives longer than this.
    LedgerBook(const NodeEvents& events, std::size_t brokers)
        : events_(events), ledgers_(brokers) {}

    /// So many brokers have numbers from now on.
    void use(std::size_t brokers);
    /// The program is given so many messages that came from `broker`.
    void on_delivered(std::size_t broker, std::uint32_t messages);
    /// Counted since the node began. `received` and `duplicates`, which sessions count, are 0.
    [[nodiscard]] const wire::NodeLedger& of(std::size_t broker);

  private:
    struct Waiting {
        std::size_t broker = 0;
        std::uint64_t messages = 0;
    };

    void settle(std::uint64_t count, std::uint64_t wire::NodeLedger::*fate);

    const NodeEvents& events_;
    [[nodiscard]] static std::uint64_t settled(const wire::NodeLedger& ledger) {
        return ledger.unclaimed + ledger.shown;
    }

    std::vector<wire::NodeLedger> ledgers_; // by broker
    std::uint64_t delivered_ = 0;           // messages
    std::uint64_t settled_before_ = 0;      // by the program, when the first of them came
    wire::NodeLedger counted_;              // by the program, at the last look
    std::deque<Waiting> waiting_;           // for their fate, in the order in which they came
};

} // namespace zcomet::session

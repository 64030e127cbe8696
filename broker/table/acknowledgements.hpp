// Acknowledged sends that are on their way to nodes: which copies are awaited, and what the sender
// is told in the end.
#pragma once

#include "topology/base/mutants.hpp"
#include "topology/store/slab.hpp"

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace zcomet::broker::table {

/// One SEND frame whose sender wants to hear where its messages have arrived.
struct AwaitedSend {
    std::uint64_t sender = 0; ///< the incarnation
    std::uint64_t first = 0;  ///< number of its first message
    /// For each message: at how many nodes it has arrived.
    std::vector<std::uint32_t> nodes;
    /// Copies of which nothing is known yet, and one while the frame is being routed.
    std::uint32_t open = 1;
};
using AwaitedSendIndex = std::uint32_t;

/// One copy of one message, in a batch of a node's feed.
struct AwaitedCopy {
    std::uint64_t batch = 0;
    AwaitedSendIndex send = 0;
    std::uint32_t message = 0; ///< its place in the frame
};

/// The copies that one node's feed holds, by rising numbers of their batches.
using AwaitedCopies = std::deque<AwaitedCopy>;

/// Thread: one.   Memory: bounded by the caller, who bounds what each sender may have awaited; a
/// copy is smaller than what the feed keeps of it.
class Acknowledgements {
  public:
    /// A frame of `messages` messages is about to be routed; routed() ends that.
    [[nodiscard]] AwaitedSendIndex begin(std::uint64_t sender, std::uint64_t first,
                                         std::uint32_t messages) {
        return sends_.add(AwaitedSend{
            .sender = sender, .first = first, .nodes = std::vector<std::uint32_t>(messages)});
    }

    /// The message went into batch `batch` of the feed that has `copies`.
    void expect(AwaitedCopies& copies, std::uint64_t batch, AwaitedSendIndex send,
                std::uint32_t message) {
        if (ZCOMET_MUTANT(kAcknowledgeAtRouting)) {
            ++sends_[send].nodes[message];
            return;
        }
        ++sends_[send].open;
        copies.push_back({batch, send, message});
    }

    /// All copies of the frame are expected. Calls `done(const AwaitedSend&)` if none is open.
    template <typename Done> void routed(AwaitedSendIndex send, Done&& done) {
        close_one(send, done);
    }

    /// The node has gone on after batch `through`. A copy has arrived unless
    /// `was_shed(std::uint64_t batch)`. Calls `done(const AwaitedSend&)` for each frame of which
    /// now all is known.
    template <typename WasShed, typename Done>
    void acknowledge(AwaitedCopies& copies, std::uint64_t through, WasShed&& was_shed,
                     Done&& done) {
        while (!copies.empty() && copies.front().batch <= through) {
            const AwaitedCopy copy = copies.front();
            copies.pop_front();
            sends_[copy.send].nodes[copy.message] += was_shed(copy.batch) ? 0 : 1;
            close_one(copy.send, done);
        }
    }

    /// The node is gone: what it did not acknowledge has not arrived, so far as anyone knows.
    template <typename Done> void give_up(AwaitedCopies& copies, Done&& done) {
        for (const AwaitedCopy& copy : std::exchange(copies, {})) {
            sends_[copy.send].nodes[copy.message] += ZCOMET_MUTANT(kAcknowledgeForTheGone) ? 1 : 0;
            close_one(copy.send, done);
        }
    }

    [[nodiscard]] std::uint32_t size() const { return sends_.size(); }

  private:
    template <typename Done> void close_one(AwaitedSendIndex index, Done&& done) {
        AwaitedSend& send = sends_[index];
        if (--send.open == 0) {
            done(std::as_const(send));
            sends_.release(index);
        }
    }

    store::Slab<AwaitedSend> sends_;
};

} // namespace zcomet::broker::table

// Acknowledged sends that are on their way to nodes. It knows which copies are awaited, and what
// the sender is told in the end.
#pragma once

#include "broker/table/message_keys.hpp"
#include "topology/store/slab.hpp"
#include "topology/wire/frames.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace zcomet::broker::table {

/// What few frames have.
struct AwaitedDetails {
    /// The answer for a message, known since the frame came.
    struct Known {
        std::uint32_t message; ///< its place in the frame, from 0
        wire::Outcome outcome;
    };
    /// The key of a message.
    struct Keyed {
        std::uint32_t message;
        MessageKey key;
    };
    std::vector<std::uint64_t> positions{}; ///< for each message; empty: none has one
    std::vector<Known> known{};             ///< by rising message
    std::vector<Keyed> keyed{};
    /// Those that another broker may have passed on before, by rising message.
    std::vector<std::uint32_t> moved{};
};

/// One SEND frame whose sender wants to hear where its messages have arrived.
struct AwaitedSend {
    std::uint64_t sender = 0; ///< its incarnation; 0: it is gone, and only keys wait
    std::uint64_t first = 0;  ///< number of the first message
    /// Messages up to this number are repeats: other copies of them may have arrived.
    std::uint64_t repeats_through = 0;
    /// For each message, at how many nodes it has arrived. Empty if nobody wants to know.
    std::vector<std::uint32_t> nodes;
    std::unique_ptr<AwaitedDetails> details{}; ///< nullptr: there are none, or likewise
    /// Copies of which nothing is known yet; one more while the frame is being routed.
    std::uint32_t open = 1;
};
using AwaitedSendIndex = std::uint32_t;

/// One copy of one message, in a batch of a node's feed.
struct AwaitedCopy {
    std::uint64_t batch = 0;
    AwaitedSendIndex send = 0;
    std::uint32_t message = 0; ///< place of the message in the frame, from 0
};
static_assert(sizeof(AwaitedCopy) <= wire::kOriginBytes + wire::message_bytes(1, 0),
              "a copy is smaller than what a feed keeps of its message");

/// The copies that one node's feed holds, by rising numbers of their batches.
using AwaitedCopies = std::deque<AwaitedCopy>;

/// Thread: one.
/// Memory: a copy takes less than the feed keeps of its message, and for as long. A frame takes a
/// record as long as it has copies, and four bytes for each message as long as its sender is there,
/// twelve if one of them was kept. A message with a key takes some more, whether its sender is
/// there or not. A sender may await kUnacknowledgedMax messages.
class Acknowledgements {
  public:
    /// A frame of `messages` messages is about to be routed; routed() ends that.
    [[nodiscard]] AwaitedSendIndex begin(std::uint64_t sender, std::uint64_t first,
                                         std::uint32_t messages, std::uint64_t repeats_through) {
        messages_ += messages;
        return sends_.add(AwaitedSend{.sender = sender,
                                      .first = first,
                                      .repeats_through = repeats_through,
                                      .nodes = std::vector<std::uint32_t>(messages)});
    }

    // Of message number `message` of a frame, from 0; each once, by rising number.
    /// It has that position in the history.
    void set_position(AwaitedSendIndex send, std::uint32_t message, std::uint64_t position) {
        AwaitedDetails& details = details_of(send);
        if (details.positions.empty()) {
            details.positions.resize(sends_[send].nodes.size());
            details_bytes_ += details.positions.size() * sizeof(std::uint64_t);
        }
        details.positions[message] = position;
    }
    /// This is what its sender is told.
    void set_outcome(AwaitedSendIndex send, std::uint32_t message, const wire::Outcome& outcome) {
        details_of(send).known.push_back({message, outcome});
        details_bytes_ += sizeof(AwaitedDetails::Known);
    }
    /// Its key waits for what becomes of it, also when the sender is gone.
    void set_key(AwaitedSendIndex send, std::uint32_t message, const MessageKey& key) {
        details_of(send).keyed.push_back({message, key});
        details_bytes_ += sizeof(AwaitedDetails::Keyed);
    }

    /// Another broker may have passed it on before.
    void set_moved(AwaitedSendIndex send, std::uint32_t message) {
        details_of(send).moved.push_back(message);
        details_bytes_ += sizeof(message);
    }

    /// The message went into batch `batch` of the feed that has `copies`.
    void expect(AwaitedCopies& copies, std::uint64_t batch, AwaitedSendIndex send,
                std::uint32_t message) {
        ++sends_[send].open;
        ++copies_;
        copies.push_back({batch, send, message});
    }

    /// All copies of the frame are expected. Calls `done(const AwaitedSend&)` if none is open.
    template <typename Done> void routed(AwaitedSendIndex send, Done&& done) {
        close_one(send, done);
    }

    /// The node has applied the batches up to `through`, so their copies have arrived. Calls
    /// `done(const AwaitedSend&)` for each frame that has no open copy any more.
    template <typename Done>
    void acknowledge(AwaitedCopies& copies, std::uint64_t through, Done&& done) {
        while (!copies.empty() && copies.front().batch <= through) {
            const AwaitedCopy copy = copies.front();
            copies.pop_front();
            settle(copy, true, done);
        }
    }

    /// The feed has shed some of the batches after `after`, up to `through`. Copies in a batch for
    /// which `was_shed(std::uint64_t batch)` holds will not arrive. Calls `done` as acknowledge().
    template <typename WasShed, typename Done>
    void shed(AwaitedCopies& copies, std::uint64_t after, std::uint64_t through, WasShed&& was_shed,
              Done&& done) {
        const auto is_before = [](std::uint64_t batch, const AwaitedCopy& copy) {
            return batch < copy.batch;
        };
        const auto first = std::upper_bound(copies.begin(), copies.end(), after, is_before);
        const auto last = std::upper_bound(first, copies.end(), through, is_before);
        const auto lost = std::stable_partition(
            first, last, [&](const AwaitedCopy& copy) { return !was_shed(copy.batch); });
        for (auto copy = lost; copy != last; ++copy) {
            settle(*copy, false, done);
        }
        copies.erase(lost, last);
    }

    /// The node is gone. Copies that it did not acknowledge count as not arrived. Calls `done` as
    /// acknowledge().
    template <typename Done> void give_up(AwaitedCopies& copies, Done&& done) {
        for (const AwaitedCopy& copy : std::exchange(copies, {})) {
            settle(copy, false, done);
        }
    }

    /// The sender of the frame is gone, and its answer will not be sent. `done` is called all the
    /// same if messages have keys.
    void forget(AwaitedSendIndex send) {
        sends_[send].sender = 0;
        if (!has_keys(sends_[send])) {
            drop_messages(sends_[send]);
        }
    }

    [[nodiscard]] std::uint32_t size() const { return sends_.size(); }
    /// Bytes taken, without what the allocator adds; all copies that are expected are among them.
    [[nodiscard]] std::size_t memory_bytes() const {
        return sends_.memory_bytes() + copies_ * sizeof(AwaitedCopy) +
               messages_ * sizeof(std::uint32_t) + details_bytes_;
    }

  private:
    template <typename Done> void settle(const AwaitedCopy& copy, bool has_arrived, Done&& done) {
        --copies_;
        AwaitedSend& send = sends_[copy.send];
        if (!send.nodes.empty()) {
            send.nodes[copy.message] += has_arrived ? 1 : 0;
        }
        close_one(copy.send, done);
    }
    template <typename Done> void close_one(AwaitedSendIndex index, Done&& done) {
        AwaitedSend& send = sends_[index];
        if (--send.open > 0) {
            return;
        }
        if (send.sender != 0 || has_keys(send)) {
            done(std::as_const(send));
        }
        drop_messages(send);
        sends_.release(index);
    }
    void drop_messages(AwaitedSend& send) {
        messages_ -= send.nodes.size();
        send.nodes = {};
        details_bytes_ -= send.details == nullptr ? 0 : bytes_of(*send.details);
        send.details.reset();
    }
    [[nodiscard]] static bool has_keys(const AwaitedSend& send) {
        return send.details != nullptr && !send.details->keyed.empty();
    }
    [[nodiscard]] AwaitedDetails& details_of(AwaitedSendIndex send) {
        std::unique_ptr<AwaitedDetails>& details = sends_[send].details;
        if (details == nullptr) {
            details = std::make_unique<AwaitedDetails>();
            details_bytes_ += bytes_of(*details);
        }
        return *details;
    }
    [[nodiscard]] static std::size_t bytes_of(const AwaitedDetails& details) {
        return sizeof(AwaitedDetails) + details.positions.size() * sizeof(std::uint64_t) +
               details.known.size() * sizeof(AwaitedDetails::Known) +
               details.keyed.size() * sizeof(AwaitedDetails::Keyed) +
               details.moved.size() * sizeof(details.moved.front());
    }

    store::Slab<AwaitedSend> sends_;
    std::size_t copies_ = 0;
    std::size_t messages_ = 0; // of frames for which `done` will be called
    std::size_t details_bytes_ = 0;
};

} // namespace zcomet::broker::table

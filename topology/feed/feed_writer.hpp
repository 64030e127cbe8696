// The broker's end of a feed. It gathers messages for one node into numbered batches, keeps each
// batch until the node acknowledges it, and publishes no more than a window ahead. Past a bound it
// sheds batches, and tells the node so.
#pragma once

#include "topology/base/time.hpp"
#include "topology/feed/gather.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace zcomet::feed {

/// An encoded BATCH. The feed, which keeps it for resending, shares it with the socket.
using SharedFrame = std::shared_ptr<const std::string>;

struct FeedLimits {
    /// Bytes of batches published beyond the last acknowledgement. It is large enough for a busy
    /// node's round trip, and small because a message may have to wait behind so many bytes: 256
    /// KiB are some 2,000 messages, which a node writes to its streams in 40 ms at worst.
    /// @limit bytes published for a node and not acknowledged (`--feed-window`)
    std::size_t window_bytes = 256U << 10U;
    /// Bytes kept for one node, published or not. Past this the oldest unpublished batches are
    /// shed. Published ones stay, because they are likely to arrive: so a shed message is surely
    /// lost, and the count of lost messages is exact. At least window_bytes + wire::kFrameBytesMax.
    /// @limit bytes kept for a node that does not keep up (`--feed-bound`)
    std::size_t bound_bytes = 64U << 20U;
    Duration gather = kFeedGatherWindow;
};

/// What all feeds of a broker keep together.
struct FeedSum {
    std::size_t bytes = 0;      ///< of memory
    std::uint64_t messages = 0; ///< those that are not acknowledged
};

/// One feed's part of the sum, which ends with it.
class FeedShare {
  public:
    explicit FeedShare(FeedSum* sum) : sum_(sum) {}
    ~FeedShare() { set(0, 0); }
    FeedShare(FeedShare&& other) noexcept
        : sum_(std::exchange(other.sum_, nullptr)), bytes_(std::exchange(other.bytes_, 0)),
          messages_(std::exchange(other.messages_, 0)) {}
    FeedShare& operator=(FeedShare&&) = delete;

    void set(std::size_t bytes, std::uint64_t messages) {
        if (sum_ != nullptr) {
            sum_->bytes += bytes - bytes_;
            sum_->messages += messages - messages_;
            bytes_ = bytes;
            messages_ = messages;
        }
    }

  private:
    FeedSum* sum_; // nullptr: none
    std::size_t bytes_ = 0;
    std::uint64_t messages_ = 0;
};

class FeedWriter {
  public:
    /// @param sum  what this feed keeps is always part of it; it lives longer. nullptr: of none.
    FeedWriter(std::uint64_t incarnation, const FeedLimits& limits, FeedSum* sum = nullptr);

    /// Adds a message to the open batch. Its id is valid, its payload within
    /// wire::kPayloadBytesMax. May shed old batches, which shed_messages() counts.
    /// @return the number of its batch.
    std::uint64_t append(const wire::Message& message);

    /// Calls `publish(SharedFrame)` for each frame that is due at `now`, in order. These are the
    /// open batch if its gather window is over, batches that the window had held back, batches to
    /// be sent again, and news of shed batches. Nothing is due before the node has subscribed.
    template <typename Publish> void flush(Time now, Publish&& publish) {
        close_open_batch_if_due(now);
        while (SharedFrame frame = next_to_publish()) {
            publish(frame);
            published_at(now);
        }
    }

    /// When flush() next has something to do without further input; kNever if not at all.
    [[nodiscard]] Time due() const;

    /// A subscription of the node was seen. The next flush() publishes at least an empty batch,
    /// which tells the node that its feed is live.
    void subscribed();

    /// Makes the next flush() publish an empty batch, unless it publishes something else. So
    /// whoever hears the feed hears it as often as this is called.
    void heartbeat();

    /// The node has applied all batches up to `through`. Ignored if that was never published.
    void acknowledge(std::uint64_t through, Time now);

    /// The node asks for batch `from` and those that follow, and has acknowledged all before it.
    /// Ignored if that batch was never published.
    void resend(std::uint64_t from);

    /// Sheds the oldest unpublished batches until no more than `bytes` are kept, or none is left.
    void shed_to(std::size_t bytes);
    /// Bytes of kept batches that were published, and of those that shed_to() may let go.
    [[nodiscard]] std::size_t published_kept_bytes() const { return published_bytes_; }
    [[nodiscard]] std::size_t unpublished_bytes() const { return kept_bytes_ - published_bytes_; }

    /// Whether the window is full: the node has more to apply than it should.
    [[nodiscard]] bool behind() const;
    /// When the node last acknowledged something new, or had nothing to acknowledge.
    [[nodiscard]] Time last_progress() const { return last_progress_; }

    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    /// The highest number acknowledged, 0 if none.
    [[nodiscard]] std::uint64_t acknowledged() const { return first_kept_ - 1; }
    /// The highest number published, 0 if none.
    [[nodiscard]] std::uint64_t published() const { return published_; }
    /// The number of the last batch that has messages, the open one included; 0 if none has.
    [[nodiscard]] std::uint64_t last_number() const {
        return last_closed_ + (open_.count() > 0 ? 1 : 0);
    }
    [[nodiscard]] bool is_subscribed() const { return subscribed_; }
    /// Bytes of batches kept because they are not acknowledged, the open one included.
    [[nodiscard]] std::size_t kept_bytes() const;
    /// Bytes taken, without what the allocator adds.
    [[nodiscard]] std::size_t memory_bytes() const;
    /// Whether batch `number`, which is not acknowledged yet, was shed.
    [[nodiscard]] bool was_shed(std::uint64_t number) const;
    /// No batch after this one was shed.
    [[nodiscard]] std::uint64_t shed_through() const { return shed_through_; }
    /// Bytes of all batches so far, and of those that are acknowledged and were not shed.
    [[nodiscard]] std::uint64_t given_bytes() const { return given_bytes_; }
    [[nodiscard]] std::uint64_t acknowledged_bytes() const { return acknowledged_bytes_; }
    /// Messages in batches that are acknowledged and were not shed.
    [[nodiscard]] std::uint64_t acknowledged_messages() const { return acknowledged_messages_; }
    /// Messages that are kept because they are not acknowledged, those of the open batch included.
    [[nodiscard]] std::uint64_t kept_messages() const { return kept_messages_ + open_.count(); }
    /// Messages lost so far because the bound was reached.
    [[nodiscard]] std::uint64_t shed_messages() const { return shed_messages_; }
    /// Batches published a second time so far.
    [[nodiscard]] std::uint64_t resent_batches() const { return resent_batches_; }

  private:
    /// One closed batch, or a run of shed batches. A run takes one place, however long it is, until
    /// the node is told of it.
    struct Kept {
        SharedFrame frame;      ///< nullptr: shed
        std::uint64_t last = 0; ///< the batch's number, or the number of the run's last one
        std::uint32_t messages = 0;
    };

    void close_open_batch_if_due(Time now);
    void close_open_batch();
    /// Brings the sum of all feeds up to date.
    void account() { share_.set(memory_bytes(), kept_messages()); }
    [[nodiscard]] SharedFrame next_to_publish();
    [[nodiscard]] SharedFrame word_of_shed(const Kept& run);
    void published_at(Time now);
    /// The place of the batch with that number in kept_; its size if there is none.
    [[nodiscard]] std::size_t place_of(std::uint64_t number) const;
    void shed(std::uint64_t number);
    [[nodiscard]] bool waits_for_window() const { return in_flight_bytes_ >= limits_.window_bytes; }

    std::uint64_t incarnation_;
    FeedLimits limits_;
    GatherWindow gather_;
    wire::MessageFrameWriter open_{wire::MessageFrameWriter::Form::kBatch};
    std::deque<Kept> kept_;         // batches first_kept_ to last_closed_
    std::uint64_t first_kept_ = 1;  // the lowest number that is not acknowledged
    std::uint64_t last_closed_ = 0; // the highest number given to a batch
    std::uint64_t next_ = 1;      // the batch to publish next; not after published_ while resending
    std::uint64_t published_ = 0; // the highest number ever published
    std::uint64_t shed_through_ = 0;  // unpublished batches up to here were shed
    std::size_t kept_bytes_ = 0;      // of the frames in kept_
    std::size_t in_flight_bytes_ = 0; // of the frames in kept_ before next_
    std::size_t published_bytes_ = 0; // of the frames in kept_ up to published_
    FeedShare share_;
    std::uint64_t kept_messages_ = 0; // in the frames in kept_
    std::uint64_t given_bytes_ = 0;
    std::uint64_t acknowledged_bytes_ = 0;
    std::uint64_t acknowledged_messages_ = 0;
    std::uint64_t shed_messages_ = 0;
    std::uint64_t resent_batches_ = 0;
    Time last_progress_ = Time::min();
    bool subscribed_ = false;
    bool owes_empty_batch_ = false;
};

} // namespace zcomet::feed

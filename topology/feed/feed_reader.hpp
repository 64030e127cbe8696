// The node's end of a feed. It applies each number once, in order, and notices missing ones.
#pragma once

#include "topology/base/time.hpp"
#include "topology/wire/frames.hpp"

#include <cstdint>
#include <optional>

namespace zcomet::feed {

class FeedReader {
  public:
    enum class Verdict : std::uint8_t {
        kApply,   ///< the next batch: deliver its messages
        kNothing, ///< an empty batch that shows nothing is missing
        kRepeat,  ///< a number that was applied before: ignore it
        kGap,     ///< batches are missing before this one: ignore it, ask for `resend`
        kShed,    ///< the broker let batches go; `lost_messages` are lost, the feed goes on
        kForeign, ///< of another incarnation of the feed: ignore it
    };
    struct Outcome {
        Verdict verdict = Verdict::kNothing;
        std::uint32_t lost_messages = 0;
        /// To be sent to the broker. Absent if the missing batches were asked for a moment ago.
        std::optional<wire::Resend> resend = std::nullopt;
    };

    /// The broker said WELCOME with this feed incarnation. If it is another one than before,
    /// reading begins anew.   @return whether it does.
    [[nodiscard]] bool welcome(std::uint64_t incarnation);

    [[nodiscard]] Outcome on_batch(const wire::Batch& batch, Time now);

    /// Whether there was a welcome().
    [[nodiscard]] bool has_begun() const { return incarnation_ != 0; }
    /// Whether a batch of the present incarnation has arrived, so that the node may accept streams.
    [[nodiscard]] bool live() const { return live_; }
    /// Of the feed that is read; 0 before the first welcome().
    [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
    /// The last number applied without a gap, which the node acknowledges.
    [[nodiscard]] std::uint64_t applied() const { return applied_; }

  private:
    [[nodiscard]] Outcome gap(std::uint64_t through, Time now);

    std::uint64_t incarnation_ = 0;
    std::uint64_t applied_ = 0;
    std::uint64_t asked_from_ = 0;
    Time asked_at_ = Time::min();
    bool live_ = false;
};

} // namespace zcomet::feed

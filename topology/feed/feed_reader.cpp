#include "topology/feed/feed_reader.hpp"

namespace zcomet::feed {

namespace {
/// A gap shows in every batch that follows it. Asking once in this time is enough.
/// @limit pause before a node asks again for what its feed lacks
constexpr Duration kAskAgain = 100ms;
} // namespace

bool FeedReader::welcome(std::uint64_t incarnation) {
    if (incarnation == incarnation_) {
        return false;
    }
    *this = FeedReader{};
    incarnation_ = incarnation;
    return true;
}

FeedReader::Outcome FeedReader::on_batch(const wire::Batch& batch, Time now) {
    if (batch.incarnation != incarnation_) {
        return {.verdict = Verdict::kForeign};
    }
    live_ = true;
    const bool empty = !batch.shed && batch.messages.count() == 0;
    if (batch.number <= applied_) {
        return {.verdict = empty ? Verdict::kNothing : Verdict::kRepeat};
    }
    if (empty) {
        return gap(batch.number, now);
    }
    const std::uint64_t from = batch.shed ? batch.shed_from : batch.number;
    if (from > applied_ + 1) {
        return gap(from - 1, now);
    }
    applied_ = batch.number;
    if (batch.shed) {
        return {.verdict = Verdict::kShed, .lost_messages = batch.shed_count};
    }
    return {.verdict = Verdict::kApply};
}

FeedReader::Outcome FeedReader::gap(std::uint64_t through, Time now) {
    Outcome outcome{.verdict = Verdict::kGap};
    const std::uint64_t from = applied_ + 1;
    if (asked_from_ != from || now >= asked_at_ + kAskAgain) {
        outcome.resend = wire::Resend{from, through, incarnation_};
        asked_from_ = from;
        asked_at_ = now;
    }
    return outcome;
}

} // namespace zcomet::feed

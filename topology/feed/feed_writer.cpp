#include "topology/feed/feed_writer.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace zcomet::feed {

namespace {
/// The word of shed batches has so much room for the number of messages in them.
constexpr std::uint32_t kMessagesOfRunMax = UINT32_MAX;
/// A frame grows by doubling, and may be kept for long: so much it may have for nothing.
constexpr std::size_t kSlackBytesMax = 4096;
} // namespace

FeedWriter::FeedWriter(std::uint64_t incarnation, const FeedLimits& limits, FeedSum* sum)
    : incarnation_(incarnation), limits_(limits), gather_(limits.gather), share_(sum) {
    ZCOMET_ASSERT(limits.bound_bytes >= limits.window_bytes + wire::kFrameBytesMax);
    account();
}

std::uint64_t FeedWriter::append(const wire::Message& message) {
    if (!open_.takes(message)) {
        close_open_batch();
    }
    const std::uint64_t number = last_closed_ + 1;
    open_.add(message);
    if (open_.full()) {
        close_open_batch();
    }
    account();
    return number;
}

void FeedWriter::close_open_batch_if_due(Time now) {
    // While older batches wait for the window, the open one can only grow. So batches are fewer and
    // larger just when the node is behind.
    const bool may_go = subscribed_ && next_ > last_closed_ && !waits_for_window();
    if (open_.count() > 0 && may_go && gather_.due() <= now) {
        close_open_batch();
    }
}

void FeedWriter::close_open_batch() {
    const std::uint32_t messages = open_.count();
    std::string bytes = open_.finish_batch(incarnation_, ++last_closed_);
    if (bytes.capacity() > bytes.size() + kSlackBytesMax) {
        bytes.shrink_to_fit();
    }
    auto frame = std::make_shared<const std::string>(std::move(bytes));
    kept_bytes_ += frame->size();
    given_bytes_ += frame->size();
    kept_messages_ += messages;
    kept_.push_back({std::move(frame), last_closed_, messages});
    shed_to(limits_.bound_bytes);
}

void FeedWriter::shed_to(std::size_t bytes) {
    shed_through_ = std::max(shed_through_, published_);
    while (kept_bytes_ > bytes && shed_through_ < last_closed_) {
        shed(++shed_through_);
    }
    account();
}

void FeedWriter::shed(std::uint64_t number) {
    const std::size_t place = place_of(number);
    Kept& batch = kept_[place];
    kept_bytes_ -= batch.frame->size();
    kept_messages_ -= batch.messages;
    shed_messages_ += batch.messages;
    batch.frame.reset();
    if (place == 0) {
        return;
    }
    // A run that the node was told of stays as it is: the node will acknowledge its end.
    Kept& before = kept_[place - 1];
    const bool is_untold_run = before.frame == nullptr && before.last > published_;
    if (is_untold_run && before.messages <= kMessagesOfRunMax - batch.messages) {
        before.last = number;
        before.messages += batch.messages;
        kept_.erase(std::next(kept_.begin(), static_cast<std::ptrdiff_t>(place)));
    }
}

std::size_t FeedWriter::place_of(std::uint64_t number) const {
    const auto kept =
        std::lower_bound(kept_.begin(), kept_.end(), number,
                         [](const Kept& one, std::uint64_t wanted) { return one.last < wanted; });
    return static_cast<std::size_t>(std::distance(kept_.begin(), kept));
}

Time FeedWriter::due() const {
    if (!subscribed_) {
        return kNever;
    }
    const bool closed_batch_waits = next_ <= last_closed_;
    if (owes_empty_batch_ || (closed_batch_waits && !waits_for_window())) {
        return Time::min();
    }
    return open_.count() > 0 && !closed_batch_waits && !waits_for_window() ? gather_.due() : kNever;
}

SharedFrame FeedWriter::next_to_publish() {
    if (!subscribed_) {
        return nullptr;
    }
    if (next_ <= last_closed_ && !waits_for_window()) {
        const Kept& batch = kept_[place_of(next_)];
        if (batch.frame == nullptr) {
            return word_of_shed(batch);
        }
        if (next_ <= published_) {
            ++resent_batches_;
        }
        in_flight_bytes_ += batch.frame->size();
        published_bytes_ += next_ > published_ ? batch.frame->size() : 0;
        published_ = std::max(published_, next_);
        ++next_;
        return batch.frame;
    }
    if (owes_empty_batch_) {
        return std::make_shared<const std::string>(
            wire::encode_empty_batch(incarnation_, published_));
    }
    return nullptr;
}

SharedFrame FeedWriter::word_of_shed(const Kept& run) {
    const std::uint64_t from = std::exchange(next_, run.last + 1);
    published_ = std::max(published_, run.last);
    return std::make_shared<const std::string>(
        wire::encode_shed_batch(incarnation_, from, run.last, run.messages));
}

void FeedWriter::published_at(Time now) {
    gather_.went(now);
    owes_empty_batch_ = false;
}

void FeedWriter::subscribed() {
    subscribed_ = true;
    owes_empty_batch_ = true;
}

void FeedWriter::heartbeat() {
    owes_empty_batch_ = subscribed_;
}

bool FeedWriter::was_shed(std::uint64_t number) const {
    return number >= first_kept_ && number <= last_closed_ &&
           kept_[place_of(number)].frame == nullptr;
}

void FeedWriter::acknowledge(std::uint64_t through, Time now) {
    if (through > published_) {
        return;
    }
    while (!kept_.empty() && kept_.front().last <= through) {
        if (const SharedFrame& frame = kept_.front().frame) {
            kept_bytes_ -= frame->size();
            in_flight_bytes_ -= first_kept_ < next_ ? frame->size() : 0;
            published_bytes_ -= frame->size(); // only what was published is acknowledged
            kept_messages_ -= kept_.front().messages;
            acknowledged_bytes_ += frame->size();
            acknowledged_messages_ += kept_.front().messages;
        }
        first_kept_ = kept_.front().last + 1;
        kept_.pop_front();
        last_progress_ = now;
    }
    next_ = std::max(next_, first_kept_);
    if (in_flight_bytes_ == 0) {
        last_progress_ = now;
    }
    account();
}

void FeedWriter::resend(std::uint64_t from) {
    if (from > published_) {
        return;
    }
    next_ = first_kept_;
    in_flight_bytes_ = 0;
}

bool FeedWriter::behind() const {
    return waits_for_window() && next_ <= last_closed_;
}

std::size_t FeedWriter::kept_bytes() const {
    return kept_bytes_ + (open_.count() > 0 ? open_.size_bytes() : 0);
}

std::size_t FeedWriter::memory_bytes() const {
    return kept_bytes_ + kept_.size() * sizeof(Kept) + open_.size_bytes();
}

} // namespace zcomet::feed

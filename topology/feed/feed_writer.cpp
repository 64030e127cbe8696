#include "topology/feed/feed_writer.hpp"

#include "topology/base/check.hpp"
#include "topology/base/mutants.hpp"

#include <algorithm>

namespace zcomet::feed {

FeedWriter::FeedWriter(std::uint64_t incarnation, const FeedLimits& limits)
    : incarnation_(incarnation), limits_(limits), gather_(limits.gather) {
    ZCOMET_ASSERT(limits.bound_bytes >= limits.window_bytes + wire::kFrameBytesMax);
}

std::uint64_t FeedWriter::append(const wire::Message& message) {
    const bool has_origin = message.origin.sender != 0;
    if (open_.count() > 0 && open_.has_origins() != has_origin) {
        close_open_batch();
    }
    const std::uint64_t number = last_closed() + 1;
    open_.add(message);
    if (open_.full()) {
        close_open_batch();
    }
    return number;
}

void FeedWriter::close_open_batch_if_due(Time now) {
    // While older batches wait for the window the open one can only grow, which makes for fewer and
    // larger batches just when the node is behind.
    const bool may_go = subscribed_ && next_ > last_closed() && !waits_for_window();
    if (open_.count() > 0 && may_go && gather_.due() <= now) {
        close_open_batch();
    }
}

void FeedWriter::close_open_batch() {
    const std::uint32_t messages = open_.count();
    auto frame =
        std::make_shared<const std::string>(open_.finish_batch(incarnation_, last_closed() + 1));
    kept_bytes_ += frame->size();
    kept_messages_ += messages;
    kept_.push_back({std::move(frame), messages});
    shed_past_bound();
}

void FeedWriter::shed_past_bound() {
    shed_through_ = std::max(shed_through_, published_);
    while (kept_bytes_ > limits_.bound_bytes && shed_through_ < last_closed()) {
        ++shed_through_;
        Kept& oldest = kept(shed_through_);
        kept_bytes_ -= oldest.frame->size();
        kept_messages_ -= oldest.messages;
        shed_messages_ += oldest.messages;
        oldest.frame.reset();
    }
}

Time FeedWriter::due() const {
    if (!subscribed_) {
        return kNever;
    }
    const bool closed_batch_waits = next_ <= last_closed();
    if (owes_empty_batch_ || (closed_batch_waits && !waits_for_window())) {
        return Time::min();
    }
    return open_.count() > 0 && !closed_batch_waits && !waits_for_window() ? gather_.due() : kNever;
}

SharedFrame FeedWriter::next_to_publish() {
    if (!subscribed_) {
        return nullptr;
    }
    if (next_ <= last_closed() && !waits_for_window()) {
        if (kept(next_).frame == nullptr) {
            return word_of_shed();
        }
        if (next_ <= published_) {
            ++resent_batches_;
        }
        SharedFrame frame = kept(next_).frame;
        in_flight_bytes_ += frame->size();
        published_ = std::max(published_, next_);
        ++next_;
        return frame;
    }
    if (owes_empty_batch_) {
        return std::make_shared<const std::string>(
            wire::encode_empty_batch(incarnation_, ZCOMET_MUTANT(kForgetTail) ? 0 : published_));
    }
    return nullptr;
}

SharedFrame FeedWriter::word_of_shed() {
    const std::uint64_t from = next_;
    std::uint32_t messages = 0;
    while (next_ <= last_closed() && kept(next_).frame == nullptr) {
        messages += kept(next_).messages;
        ++next_;
    }
    published_ = std::max(published_, next_ - 1);
    return std::make_shared<const std::string>(wire::encode_shed_batch(
        incarnation_, from, next_ - 1, ZCOMET_MUTANT(kShedSilently) ? 0 : messages));
}

void FeedWriter::published_at(Time now) {
    gather_.went(now);
    // An empty batch that the last heartbeat made due must not make up for the next one.
    published_since_heartbeat_ = !owes_empty_batch_;
    owes_empty_batch_ = false;
    if (ZCOMET_MUTANT(kAcknowledgeAtPublishing)) {
        acknowledge(published_, now);
    }
}

void FeedWriter::subscribed(bool is_subscribed) {
    subscribed_ = is_subscribed;
    owes_empty_batch_ = is_subscribed;
}

void FeedWriter::heartbeat() {
    owes_empty_batch_ = subscribed_ && !published_since_heartbeat_;
    published_since_heartbeat_ = false;
}

bool FeedWriter::was_shed(std::uint64_t number) const {
    return number >= first_kept_ && number <= last_closed() &&
           kept_[number - first_kept_].frame == nullptr;
}

void FeedWriter::acknowledge(std::uint64_t through, Time now) {
    if (through > published_) {
        return;
    }
    while (first_kept_ <= through && !kept_.empty()) {
        if (const SharedFrame& frame = kept_.front().frame) {
            kept_bytes_ -= frame->size();
            in_flight_bytes_ -= first_kept_ < next_ ? frame->size() : 0;
            kept_messages_ -= kept_.front().messages;
            acknowledged_messages_ += kept_.front().messages;
        }
        kept_.pop_front();
        ++first_kept_;
        last_progress_ = now;
    }
    next_ = std::max(next_, first_kept_);
    if (in_flight_bytes_ == 0) {
        last_progress_ = now;
    }
}

void FeedWriter::resend(std::uint64_t from) {
    if (from > published_) {
        return;
    }
    next_ = first_kept_;
    in_flight_bytes_ = 0;
}

bool FeedWriter::behind() const {
    return waits_for_window() && next_ <= last_closed();
}

std::size_t FeedWriter::kept_bytes() const {
    return kept_bytes_ + (open_.count() > 0 ? open_.size_bytes() : 0);
}

} // namespace zcomet::feed

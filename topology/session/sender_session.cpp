#include "topology/session/sender_session.hpp"

#include "topology/base/check.hpp"
#include "topology/session/refusal.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace zcomet::session {

namespace {
constexpr std::size_t kReceiptsAwaitedMax = wire::kUnacknowledgedMax;

/// Whether a refused frame of this kind was a question.
bool is_of_questions(std::uint8_t kind) {
    return kind == static_cast<std::uint8_t>(wire::Kind::kQuery) ||
           kind == static_cast<std::uint8_t>(wire::Kind::kHistory);
}
} // namespace

SenderSessionCounters& SenderSessionCounters::operator+=(const SenderSessionCounters& other) {
    messages_sent += other.messages_sent;
    frames_sent += other.frames_sent;
    messages_resent += other.messages_resent;
    unconfirmed += other.unconfirmed;
    bad_frames += other.bad_frames;
    lost_brokers += other.lost_brokers;
    return *this;
}

SenderSession::SenderSession(Wires& wires, SenderEvents& events, std::uint64_t incarnation,
                             std::string name, Duration gather)
    : wires_(wires), events_(events), incarnation_(incarnation), name_(std::move(name)),
      gather_(gather) {
    ZCOMET_ASSERT(incarnation_ != 0);
}

/// The broker of a session that has begun was not asked as often so far.
void SenderSession::watch_closely(Duration silence_max) {
    silence_max_ = silence_max;
    heartbeat_interval_ = heartbeat_interval_of(heartbeat_interval_);
    if (welcomed()) {
        heard_ = std::max(heard_, last_tick_);
        next_heartbeat_ = std::min(next_heartbeat_, last_tick_);
    }
}

void SenderSession::tell_list(const wire::ListMark& list, Time now) {
    list_ = list;
    if (welcomed()) {
        wires_.send(hello());
    } else if (state_ == State::kGreeting) {
        say_hello(now);
    }
}

/// Some answers may be late, and none of them is a reason for suspicion.
Duration SenderSession::heartbeat_interval_of(Duration wanted) const {
    constexpr int kHeartbeatsInSilence = 4;
    return watches_closely() ? std::min(wanted, silence_max_ / kHeartbeatsInSilence) : wanted;
}

void SenderSession::on_connection(bool is_connected, Time now) {
    disconnected_ = is_connected ? kNever : std::min(disconnected_, now);
}

Time SenderSession::suspect_at() const {
    if (!watches_closely() || !welcomed()) {
        return kNever;
    }
    const Time missed = disconnected_ == kNever ? kNever : disconnected_ + kReconnectMax;
    return std::min(missed, heard_ + std::max(silence_max_, broker_interval_));
}

bool SenderSession::is_suspect(Time now) const {
    return suspect_at() <= now;
}

Unsettled SenderSession::give_up(Time now) {
    Unsettled unsettled;
    const auto take = [&unsettled](const std::string& frame, bool was_sent) {
        const auto decoded = wire::decode(frame);
        const auto& send = std::get<wire::Send>(std::get<wire::Frame>(decoded));
        std::uint64_t number = send.first;
        send.messages.for_each([&](const wire::Message& message) {
            unsettled.messages.push_back({number++, send.confirm, std::string(message.id),
                                          std::string(message.payload),
                                          std::string(message.attributes), was_sent});
        });
    };
    for (const Unacknowledged& sent : unacknowledged_) {
        if (!sent.frame.empty()) {
            take(sent.frame, true);
        }
    }
    if (const std::uint32_t messages = open_.count(); messages > 0) {
        take(open_.finish_send(open_confirm_, last_number_ - messages + 1), false);
        last_number_ -= messages; // which the broker has never heard of
    }
    unacknowledged_.clear();
    unacknowledged_bytes_ = 0;
    unacknowledged_messages_ = 0;
    next_again_ = kNothingAgain;
    forget_under_way();
    if (welcomed()) {
        lose(now);
    }
    return unsettled;
}

/// Frames still under way were sent on a connection that is gone, and the broker may be gone, too.
void SenderSession::forget_under_way() {
    for (const Sent& sent : under_way_) {
        counters_.unconfirmed += sent.is_kept ? 0 : sent.messages;
    }
    under_way_.clear();
    under_way_bytes_ = 0;
    receipts_awaited_.clear();
}

void SenderSession::start(Time now) {
    ZCOMET_ASSERT(state_ == State::kIdle);
    state_ = State::kGreeting;
    say_hello(now);
}

void SenderSession::on_connected(Time now) {
    if (state_ == State::kGreeting) {
        say_hello(now);
    }
}

std::string SenderSession::hello() const {
    return wire::encode(wire::Hello{incarnation_, wire::Role::kSender, name_, last_sent(), list_});
}

void SenderSession::say_hello(Time now) {
    wires_.send(hello());
    next_heartbeat_ = now + heartbeat_interval_;
}

void SenderSession::on_broker_frame(std::string_view bytes, Time now) {
    if (state_ == State::kOver) {
        return;
    }
    const auto decoded = wire::decode(bytes, wire::Role::kSender);
    const auto* frame = std::get_if<wire::Frame>(&decoded);
    if (frame == nullptr) {
        ++counters_.bad_frames;
        return;
    }
    heard_ = now;
    if (const auto* credit = std::get_if<wire::Credit>(frame)) {
        on_credit(credit->through);
    } else if (const auto* heartbeat = std::get_if<wire::Heartbeat>(frame)) {
        on_credit(heartbeat->change);
    } else if (const auto* receipt = std::get_if<wire::Receipt>(frame)) {
        on_receipt(*receipt);
    } else if (const auto* acknowledged = std::get_if<wire::Acknowledged>(frame)) {
        on_acknowledged(*acknowledged);
    } else if (const auto* welcome = std::get_if<wire::Welcome>(frame)) {
        on_welcome(*welcome, now);
    } else if (const auto* error = std::get_if<wire::ErrorFrame>(frame)) {
        on_error(*error, now);
    } else if (const auto* answer = std::get_if<wire::Answer>(frame)) {
        events_.on_answer(*answer);
    } else if (const auto* kept = std::get_if<wire::Kept>(frame)) {
        events_.on_kept(*kept);
    } else {
        ++counters_.bad_frames;
    }
}

void SenderSession::on_welcome(const wire::Welcome& welcome, Time now) {
    const auto& part = std::get<wire::SenderWelcome>(welcome.part);
    broker_interval_ = std::chrono::milliseconds(welcome.heartbeat_ms);
    heartbeat_interval_ = heartbeat_interval_of(broker_interval_);
    liveness_ = std::chrono::milliseconds(welcome.liveness_ms);
    window_bytes_ = part.window_bytes;
    next_heartbeat_ = now + heartbeat_interval_;
    on_credit(part.credited);
    if (state_ == State::kWelcomed && broker_incarnation_ == welcome.incarnation) {
        return; // the answer to a HELLO that was repeated
    }
    forget_under_way();
    next_again_ = unacknowledged_.empty() ? kNothingAgain : 0;
    // One that has just come sends at once, rather than wait for nodes that may never come; but not
    // if another broker may have the nodes.
    const bool may_wait = broker_incarnation_ != 0 || watches_closely();
    settled_at_ = may_wait && part.settles_in_ms > 0
                      ? now + std::chrono::milliseconds(part.settles_in_ms)
                      : Time::min();
    broker_incarnation_ = welcome.incarnation;
    state_ = State::kWelcomed;
    events_.on_welcome(welcome.name);
}

void SenderSession::on_credit(std::uint64_t through) {
    while (!under_way_.empty() && under_way_.front().last_number <= through) {
        under_way_bytes_ -= under_way_.front().bytes;
        under_way_.pop_front();
    }
}

void SenderSession::on_error(const wire::ErrorFrame& error, Time now) {
    if (error.code == wire::ErrorCode::kHelloFirst) {
        if (welcomed()) {
            lose(now);
        }
        return;
    }
    if (error.code == wire::ErrorCode::kInUse) {
        return; // the broker has yet to learn that our last connection is gone; HELLO is repeated
    }
    if (is_of_questions(error.kind)) {
        events_.on_question_refused(static_cast<wire::Kind>(error.kind));
        return; // it says nothing of our messages
    }
    const bool is_not_welcome = error.code == wire::ErrorCode::kNotAllowed &&
                                error.kind == static_cast<std::uint8_t>(wire::Kind::kHello);
    if (error.code == wire::ErrorCode::kVersion || error.code == wire::ErrorCode::kOverloaded ||
        error.code == wire::ErrorCode::kOtherList || is_not_welcome) {
        if (welcomed()) {
            lose(now);
        }
        next_heartbeat_ = now + kAfterRefusal;
    }
    events_.on_refused(error.code, error.text);
}

/// A frame that is larger than the whole window goes alone.
bool SenderSession::has_room(std::size_t frame_bytes) const {
    return under_way_bytes_ == 0 || under_way_bytes_ + frame_bytes <= window_bytes_;
}

/// These messages were gathered while the window had room; frames sent again since then may have
/// taken it.
bool SenderSession::open_frame_may_go() const {
    return open_.count() > 0 && !sends_again() && has_room(open_.size_bytes());
}

bool SenderSession::can_send(std::size_t message_bytes) const {
    // The message may have to go in a frame of its own, after the open one.
    const std::size_t open_bytes = open_.count() > 0 ? open_.size_bytes() : 0;
    const std::size_t bytes =
        open_bytes + wire::kSendHeaderBytes + message_bytes + (open_.parts().attributes ? 1 : 0);
    const bool goes_alone = under_way_bytes_ == 0 && open_bytes == 0;
    // From the oldest number that may be sent again to the next one, the end of an open frame.
    const std::uint64_t span =
        unacknowledged_.empty() ? 0 : last_number_ + 1 - unacknowledged_.front().first;
    return welcomed() && settled() && !sends_again() &&
           (goes_alone || under_way_bytes_ + bytes <= window_bytes_) &&
           unacknowledged_bytes_ + open_.size_bytes() < kUnacknowledgedBytesMax &&
           span < wire::kUnacknowledgedMax;
}

std::uint64_t SenderSession::send(std::string_view id, std::string_view payload,
                                  wire::Confirm confirm, std::string_view attributes) {
    ZCOMET_ASSERT(can_send(wire::message_bytes(id.size(), payload.size(), attributes.size())));
    const wire::Message message{.id = id, .payload = payload, .attributes = attributes};
    if (open_.count() > 0 && (open_.full() || open_confirm_ != confirm || !open_.takes(message))) {
        finish_frame(last_tick_);
    }
    open_confirm_ = confirm;
    open_.add(message);
    unacknowledged_messages_ += confirm == wire::Confirm::kAcknowledgement ? 1 : 0;
    return ++last_number_;
}

void SenderSession::ask(const wire::Query& query) {
    ZCOMET_ASSERT(welcomed());
    wires_.send(wire::encode(query));
}

void SenderSession::ask(const wire::History& history) {
    ZCOMET_ASSERT(welcomed());
    wires_.send(wire::encode(history));
}

void SenderSession::finish_frame(Time now) {
    const std::uint32_t messages = open_.count();
    const std::uint64_t first = last_number_ - messages + 1;
    const bool keep = open_confirm_ == wire::Confirm::kAcknowledgement;
    std::string frame = open_.finish_send(open_confirm_, first);
    if (keep) {
        unacknowledged_bytes_ += frame.size();
        unacknowledged_.push_back({first, messages, frame, now});
    }
    if (open_confirm_ == wire::Confirm::kReceipt) {
        await_receipt(first, messages);
    }
    counters_.messages_sent += messages;
    put_under_way(std::move(frame), first, messages, keep);
}

void SenderSession::put_under_way(std::string frame, std::uint64_t first, std::uint32_t messages,
                                  bool is_kept) {
    const auto bytes = static_cast<std::uint32_t>(frame.size());
    under_way_.push_back({first + messages - 1, bytes, messages, is_kept});
    under_way_bytes_ += bytes;
    ++counters_.frames_sent;
    wires_.send(std::move(frame));
}

void SenderSession::await_receipt(std::uint64_t first, std::uint32_t messages) {
    // No broker is this far behind with its receipts. A broker that gives none costs no more than
    // this.
    if (receipts_awaited_.size() == kReceiptsAwaitedMax) {
        receipts_awaited_.pop_front();
    }
    receipts_awaited_.push_back({first, messages});
}

void SenderSession::on_receipt(const wire::Receipt& receipt) {
    const auto asked = std::lower_bound(
        receipts_awaited_.begin(), receipts_awaited_.end(), receipt.first,
        [](const AwaitedReceipt& one, std::uint64_t first) { return one.first < first; });
    if (asked == receipts_awaited_.end() || asked->first != receipt.first ||
        asked->messages != receipt.count) {
        ++counters_.bad_frames; // it was not asked for
        return;
    }
    // Receipts come in the order of the frames, so those of earlier frames were lost.
    receipts_awaited_.erase(receipts_awaited_.begin(), std::next(asked));
    for (std::uint32_t i = 0; i < receipt.count; ++i) {
        events_.on_receipt(receipt.first + i, receipt.outcome(i));
    }
}

void SenderSession::on_acknowledged(const wire::Acknowledged& acknowledged) {
    const auto frame = std::lower_bound(
        unacknowledged_.begin(), unacknowledged_.end(), acknowledged.first,
        [](const Unacknowledged& sent, std::uint64_t first) { return sent.first < first; });
    if (frame == unacknowledged_.end() || frame->first != acknowledged.first ||
        frame->messages != acknowledged.count || frame->frame.empty()) {
        // A frame that was sent twice may be acknowledged twice; one that was never sent may not.
        counters_.bad_frames += acknowledged.first > last_sent() ? 1 : 0;
        return;
    }
    unacknowledged_bytes_ -= frame->frame.size();
    unacknowledged_messages_ -= frame->messages;
    frame->frame = std::string();
    for (std::uint32_t i = 0; i < acknowledged.count; ++i) {
        events_.on_acknowledged(acknowledged.first + i, acknowledged.outcome(i));
    }
    while (!unacknowledged_.empty() && unacknowledged_.front().frame.empty()) {
        next_again_ -= next_again_ > 0 && next_again_ != kNothingAgain ? 1 : 0;
        unacknowledged_.pop_front();
    }
    if (!sends_again()) {
        next_again_ = kNothingAgain;
    }
}

/// As far as the window allows. New messages follow once all are sent.
void SenderSession::send_again(Time now) {
    for (; sends_again(); ++next_again_) {
        Unacknowledged& sent = unacknowledged_[next_again_];
        if (!has_room(sent.frame.size())) {
            return; // continues when there is credit
        }
        if (!sent.frame.empty()) {
            sent.sent_at = now;
            counters_.messages_resent += sent.messages;
            put_under_way(sent.frame, sent.first, sent.messages, true);
        }
    }
    next_again_ = kNothingAgain;
}

/// When the oldest frame should long have been answered; its answer may have been lost. A broker
/// that still waits for nodes ignores a repetition.
Time SenderSession::answer_overdue() const {
    return unacknowledged_.empty() ? kNever : unacknowledged_.front().sent_at + 2 * liveness_;
}

void SenderSession::send_heartbeat(Time now) {
    next_heartbeat_ = now + heartbeat_interval_;
    wires_.send(wire::encode(wire::Heartbeat{0, last_sent(), 0}));
}

void SenderSession::lose(Time now) {
    state_ = State::kGreeting;
    ++counters_.lost_brokers;
    events_.on_lost();
    say_hello(now);
}

void SenderSession::tick(Time now) {
    last_tick_ = now;
    if (welcomed() && heard_ + liveness_ <= now) {
        lose(now);
    }
    if (state_ == State::kGreeting && next_heartbeat_ <= now) {
        say_hello(now);
    }
    if (!welcomed()) {
        return;
    }
    if (settled_at_ <= now) {
        settled_at_ = Time::min();
    }
    if (settled()) {
        send_due(now);
    }
    if (next_heartbeat_ <= now) {
        send_heartbeat(now);
    }
}

void SenderSession::send_due(Time now) {
    if (!sends_again() && answer_overdue() <= now) {
        next_again_ = 0;
    }
    send_again(now);
    if (open_frame_may_go() && (open_.full() || gathered_at() <= now)) {
        finish_frame(now);
        gather_.went(now);
    }
    hurries_ = hurries_ && open_.count() > 0; // those that wait for the window
}

Time SenderSession::due() const {
    if (state_ == State::kIdle || state_ == State::kOver) {
        return kNever;
    }
    if (!welcomed()) {
        return next_heartbeat_;
    }
    const Time always = std::min({next_heartbeat_, heard_ + liveness_, suspect_at()});
    if (!settled()) {
        return std::min(always, settled_at_);
    }
    if (sends_again()) { // continues when an answer makes room in the window
        return always;
    }
    const Time frame_due = open_frame_may_go() ? gathered_at() : kNever;
    return std::min({always, frame_due, answer_overdue()});
}

void SenderSession::flush(Time now) {
    if (!welcomed()) {
        return;
    }
    if (settled() && open_frame_may_go()) {
        finish_frame(now);
        gather_.went(now);
    }
    if (!under_way_.empty()) {
        send_heartbeat(now);
    }
}

void SenderSession::goodbye(Time now) {
    flush(now);
    if (state_ != State::kIdle) {
        wires_.send(wire::encode(wire::Goodbye{}));
    }
    state_ = State::kOver;
}

bool SenderSession::has_under_way(std::uint64_t through) const {
    const bool is_gathered = open_.count() > 0 && last_sent() < through;
    return is_gathered ||
           std::any_of(under_way_.begin(), under_way_.end(), [through](const Sent& sent) {
               return sent.last_number - sent.messages < through;
           });
}

void SenderSession::for_each_awaited(
    const std::function<void(std::uint64_t number, wire::Confirm confirm)>& visit) const {
    for (const AwaitedReceipt& awaited : receipts_awaited_) {
        for (std::uint32_t n = 0; n < awaited.messages; ++n) {
            visit(awaited.first + n, wire::Confirm::kReceipt);
        }
    }
    for (const Unacknowledged& sent : unacknowledged_) {
        for (std::uint32_t n = 0; n < sent.messages && !sent.frame.empty(); ++n) {
            visit(sent.first + n, wire::Confirm::kAcknowledgement);
        }
    }
    for (std::uint64_t number = last_sent() + 1; number <= last_number_; ++number) {
        if (open_confirm_ != wire::Confirm::kNothing) {
            visit(number, open_confirm_);
        }
    }
}

std::uint64_t SenderSession::not_taken_in() const {
    return std::accumulate(under_way_.begin(), under_way_.end(), std::uint64_t{open_.count()},
                           [](std::uint64_t sum, const Sent& sent) { return sum + sent.messages; });
}

} // namespace zcomet::session

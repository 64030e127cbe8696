#include "topology/sender_session.hpp"

#include "topology/check.hpp"
#include "topology/mutants.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace zcomet {

namespace {
/// As in node_session.cpp: after a refusal someone has to change something first.
constexpr Duration kAfterRefusal = 10s;
} // namespace

SenderSession::SenderSession(SenderSessionHost& host, std::uint64_t incarnation, std::string name,
                             Duration gather)
    : host_(host), incarnation_(incarnation), name_(std::move(name)), gather_(gather) {
    ZCOMET_ASSERT(incarnation_ != 0);
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

void SenderSession::say_hello(Time now) {
    host_.send_to_broker(wire::encode(wire::Hello{incarnation_, wire::Role::kSender, name_}));
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
        for (std::uint32_t i = 0; i < receipt->count; ++i) {
            host_.on_receipt(receipt->first + i, receipt->nodes(i));
        }
    } else if (const auto* welcome = std::get_if<wire::Welcome>(frame)) {
        on_welcome(*welcome, now);
    } else if (const auto* error = std::get_if<wire::ErrorFrame>(frame)) {
        on_error(*error, now);
    } else {
        ++counters_.bad_frames;
    }
}

void SenderSession::on_welcome(const wire::Welcome& welcome, Time now) {
    const auto& part = std::get<wire::SenderWelcome>(welcome.part);
    heartbeat_interval_ = std::chrono::milliseconds(welcome.heartbeat_ms);
    liveness_ = std::chrono::milliseconds(welcome.liveness_ms);
    window_bytes_ = part.window_bytes;
    next_heartbeat_ = now + heartbeat_interval_;
    on_credit(part.credited);
    if (state_ == State::kWelcomed && broker_incarnation_ == welcome.incarnation) {
        return; // the answer to a HELLO that was repeated
    }
    // Whatever is still under way was sent on a connection that is gone, to a broker that may be,
    // too.
    for (const Sent& sent : under_way_) {
        counters_.unconfirmed += ZCOMET_MUTANT(kForgetUnconfirmed) ? 0 : sent.messages;
    }
    under_way_.clear();
    under_way_bytes_ = 0;
    broker_incarnation_ = welcome.incarnation;
    state_ = State::kWelcomed;
    host_.on_welcome(welcome.name);
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
    if (error.code == wire::ErrorCode::kVersion || error.code == wire::ErrorCode::kOverloaded) {
        if (welcomed()) {
            lose(now);
        }
        next_heartbeat_ = now + kAfterRefusal;
    }
    host_.on_refused(error.code, error.text);
}

bool SenderSession::can_send() const {
    return welcomed() && (under_way_bytes_ + open_.size_bytes() < window_bytes_ ||
                          ZCOMET_MUTANT(kSendPastWindow));
}

std::uint64_t SenderSession::send(std::string_view id, std::string_view payload, bool receipt) {
    ZCOMET_ASSERT(can_send());
    if (open_.count() > 0 && (open_.full() || open_wants_receipt_ != receipt)) {
        finish_frame();
    }
    open_wants_receipt_ = receipt;
    open_.add(id, payload);
    return ++last_number_;
}

void SenderSession::finish_frame() {
    const std::uint32_t messages = open_.count();
    std::string frame = open_.finish_send(open_wants_receipt_, last_number_ - messages + 1);
    under_way_.push_back({last_number_, static_cast<std::uint32_t>(frame.size()), messages});
    under_way_bytes_ += frame.size();
    counters_.messages_sent += messages;
    ++counters_.frames_sent;
    host_.send_to_broker(std::move(frame));
}

void SenderSession::send_heartbeat(Time now) {
    next_heartbeat_ = now + heartbeat_interval_;
    host_.send_to_broker(wire::encode(wire::Heartbeat{0, last_number_, 0}));
}

void SenderSession::lose(Time now) {
    state_ = State::kGreeting;
    last_number_ = ZCOMET_MUTANT(kRenumberSends) ? 0 : last_number_;
    ++counters_.lost_brokers;
    host_.on_lost();
    say_hello(now);
}

void SenderSession::tick(Time now) {
    if (welcomed() && heard_ + liveness_ <= now) {
        lose(now);
    }
    if (state_ == State::kGreeting && next_heartbeat_ <= now) {
        say_hello(now);
    }
    if (!welcomed()) {
        return;
    }
    if (open_.count() > 0 && (open_.full() || gather_.due() <= now)) {
        finish_frame();
        gather_.went(now);
    }
    if (next_heartbeat_ <= now) {
        send_heartbeat(now);
    }
}

Time SenderSession::due() const {
    if (state_ == State::kIdle || state_ == State::kOver) {
        return kNever;
    }
    if (!welcomed()) {
        return next_heartbeat_;
    }
    const Time frame_due = open_.count() > 0 ? gather_.due() : kNever;
    return std::min({next_heartbeat_, frame_due, heard_ + liveness_});
}

void SenderSession::flush(Time now) {
    if (!welcomed()) {
        return;
    }
    if (open_.count() > 0) {
        finish_frame();
        gather_.went(now);
    }
    if (!under_way_.empty()) {
        send_heartbeat(now);
    }
}

void SenderSession::goodbye(Time now) {
    flush(now);
    if (state_ != State::kIdle) {
        host_.send_to_broker(wire::encode(wire::Goodbye{}));
    }
    state_ = State::kOver;
}

std::uint64_t SenderSession::not_taken_in() const {
    return std::accumulate(under_way_.begin(), under_way_.end(), std::uint64_t{open_.count()},
                           [](std::uint64_t sum, const Sent& sent) { return sum + sent.messages; });
}

} // namespace zcomet

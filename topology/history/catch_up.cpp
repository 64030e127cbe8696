#include "topology/history/catch_up.hpp"

#include "topology/wire/attributes.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::history {

namespace {

/// A node asks so long after the broker did not know its login: a list may be under way.
/// @limit pause before a node asks for a history again
constexpr Duration kAskAgain = 100ms;
/// More messages do not fit into most answers.
constexpr std::uint32_t kMessagesOfAnswer = 1000;

std::string key_of(const wire::OwnedIds& ids, const Cursor& after) {
    std::string key = ids.bytes();
    key.push_back(' ');
    append_cursor(key, after);
    return key;
}

} // namespace

std::string_view name_of(GapReason reason) {
    switch (reason) {
    case GapReason::kCutOff:
        return "cut-off";
    case GapReason::kEvicted:
        return "evicted";
    case GapReason::kEpoch:
        return "epoch";
    case GapReason::kCursor:
        return "cursor";
    }
    return "";
}

CatchUp::Stream* CatchUp::find(StreamKey key) {
    const auto found = streams_.find(key);
    return found == streams_.end() ? nullptr : &found->second;
}

void CatchUp::begin(StreamKey key, const Beginning& beginning) {
    Stream& stream = streams_[key];
    stream.ids = wire::OwnedIds(beginning.ids);
    stream.began = beginning.cursor;
    stream.cursor = beginning.cursor;
    stream.has_bad_cursor = beginning.has_bad_cursor;
    stream.wants_position = beginning.wants_position;
    stream.is_cut_off = beginning.is_cut_off;
    join_ask(key, stream);
}

void CatchUp::end(StreamKey key) {
    if (Stream* const stream = find(key)) {
        drop_held(*stream);
        streams_.erase(key);
    }
}

/// A question that is sent already may have been answered before this stream was there: then what
/// came in between would be missing.
void CatchUp::join_ask(StreamKey key, Stream& stream) {
    const auto [place, is_new] = unsent_.try_emplace(key_of(stream.ids, stream.cursor), 0);
    if (is_new) {
        place->second = ++last_token_;
        asks_[last_token_] = {.ids = stream.ids, .after = stream.cursor};
        to_send_.push_back(last_token_);
    }
    stream.token = place->second;
    asks_[place->second].streams.push_back(key);
}

void CatchUp::hold(StreamKey key, const StreamMessage& message) {
    Stream* const stream = find(key);
    if (stream == nullptr) {
        return;
    }
    // Under way to very many streams when the feed ended, and not to this one yet. The history that
    // was asked for is what comes after it.
    if (stream->is_cut_off && stream->began.epoch != 0 &&
        message.cursor.epoch == stream->began.epoch &&
        message.cursor.position <= stream->began.position) {
        host_.show(key, message);
        return;
    }
    if (stream->stage == Stage::kFollowing) {
        const bool is_of_epoch =
            message.cursor.epoch != 0 && message.cursor.epoch == stream->cursor.epoch;
        if (is_of_epoch && message.cursor.position <= stream->cursor.position) {
            return; // it came from the history
        }
        if (is_of_epoch) {
            stream->cursor.position = message.cursor.position;
        }
        host_.show(key, message);
        return;
    }
    Held held{std::string(message.id), std::string(message.payload),
              std::string(message.attributes), message.cursor};
    if (stream->held_bytes + held.bytes() > kHeldBytesMax ||
        held_sum_ + held.bytes() > kHeldSumMax) {
        drop_held(*stream);
        stream->has_lost_held = true;
        ++held_drops_;
        return;
    }
    stream->held_bytes += held.bytes();
    held_sum_ += held.bytes();
    stream->held.push_back(std::move(held));
}

void CatchUp::drop_held(Stream& stream) {
    held_sum_ -= stream.held_bytes;
    stream.held_bytes = 0;
    stream.held.clear();
}

void CatchUp::on_lost() {
    is_live_ = false;
    ask_again();
}

void CatchUp::on_feed_broken() {
    applied_ = 0;
    following_.clear();
    for (auto& [key, stream] : streams_) {
        begin_anew(key, stream);
    }
    ask_again();
}

/// Held messages of a feed that is over would come after those of the next one, or with the cursors
/// of another epoch. The history has them, or the stream is told of a gap.
void CatchUp::begin_anew(StreamKey key, Stream& stream) {
    const bool had_begun = stream.stage == Stage::kFollowing || stream.is_answered;
    if (had_begun) {
        stream.stage = Stage::kAsking;
        stream.began = {};
        stream.is_cut_off = true;
        stream.is_answered = true;
    } else if (stream.cursor.epoch == 0 && !stream.has_bad_cursor && !stream.held.empty() &&
               stream.held.front().cursor.epoch != 0) {
        // It has no cursor yet, and was there before the first of them.
        const Cursor& first = stream.held.front().cursor;
        stream.cursor = {first.epoch, first.position - 1};
        stream.began = {};
        stream.is_cut_off = true;
    }
    drop_held(stream);
    stream.has_lost_held = false;
    join_ask(key, stream);
}

/// Answers that are under way, or not given to all of their streams, fit to a feed that is over.
void CatchUp::ask_again() {
    for (auto ask = asks_.begin(); ask != asks_.end();) {
        if (!ask->second.is_sent) {
            ++ask;
            continue;
        }
        join_again(ask->second.streams, ask->first);
        ask = asks_.erase(ask);
    }
    for (const Answer& answer : answers_) {
        const auto left = answer.streams.begin() + static_cast<std::ptrdiff_t>(answer.next);
        join_again({left, answer.streams.end()}, answer.kept.token);
    }
    answers_.clear();
    sent_.clear();
    under_way_ = 0;
}

/// The streams that still wait for the answer to that question ask another one.
void CatchUp::join_again(const std::vector<StreamKey>& streams, std::uint64_t token) {
    for (const StreamKey key : streams) {
        if (Stream* const stream = find(key); stream != nullptr && stream->token == token) {
            join_ask(key, *stream);
        }
    }
}

void CatchUp::ask_unanswered(Time now) {
    for (; !sent_.empty() && sent_.front().first + kAnswerMax <= now; forget_answered()) {
        const auto ask = asks_.find(sent_.front().second);
        sent_.pop_front();
        const std::vector<StreamKey> streams = std::move(ask->second.streams);
        const std::uint64_t token = ask->first;
        asks_.erase(ask);
        under_way_ -= std::min<std::size_t>(under_way_, 1);
        join_again(streams, token);
    }
}

void CatchUp::forget_answered() {
    const auto is_open = [this](const std::pair<Time, std::uint64_t>& sent) {
        const auto ask = asks_.find(sent.second);
        return ask != asks_.end() && ask->second.is_sent && ask->second.sent_at == sent.first;
    };
    while (!sent_.empty() && !is_open(sent_.front())) {
        sent_.pop_front();
    }
}

void CatchUp::on_kept(const wire::Kept& kept, Time now) {
    const auto found = asks_.find(kept.token);
    if (found == asks_.end() || !found->second.is_sent) {
        return; // asked again meanwhile, or by nobody
    }
    under_way_ -= std::min<std::size_t>(under_way_, 1);
    Ask& ask = found->second;
    if (kept.reach == wire::Reach::kNotLoggedIn) {
        ask.is_sent = false;
        to_send_.push_back(kept.token);
        send_at_ = now + kAskAgain;
        forget_answered();
        return;
    }
    Answer answer{.kept = kept, .streams = std::move(ask.streams)};
    answer.kept.messages = {};
    kept.messages.for_each([&answer](const wire::Message& message) {
        answer.messages.push_back({std::string(message.id), std::string(message.payload),
                                   std::string(message.attributes), message.origin,
                                   wire::read_attributes(message.attributes).position});
    });
    asks_.erase(found);
    forget_answered();
    answers_.push_back(std::move(answer));
}

void CatchUp::on_applied(std::uint64_t number) {
    applied_ = number;
    while (!following_.empty() && following_.begin()->first <= number) {
        const StreamKey key = following_.begin()->second;
        following_.erase(following_.begin());
        finish(key);
    }
}

/// Nothing, if the stream closed, or began anew.
void CatchUp::finish(StreamKey key) {
    const Stream* const stream = find(key);
    if (stream == nullptr || stream->stage != Stage::kFollowing || stream->feed > applied_) {
        return;
    }
    if (host_.has_under_way(key)) {
        lingering_.push_back(key);
        return;
    }
    const Cursor through = stream->cursor;
    streams_.erase(key);
    host_.caught_up(key, through);
}

void CatchUp::finish_lingering() {
    for (const StreamKey key : std::exchange(lingering_, {})) {
        finish(key);
    }
}

void CatchUp::turn(Time now) {
    for (std::size_t shown = 0; shown < kShownPerTurn && !answers_.empty();) {
        Answer& answer = answers_.front();
        if (answer.next == answer.streams.size()) {
            answers_.pop_front();
            continue;
        }
        shown += 1 + give(answer.streams[answer.next++], answer);
    }
    finish_lingering();
    ask_unanswered(now);
    send_asks(now);
}

Time CatchUp::due() const {
    if (!answers_.empty() || !lingering_.empty()) {
        return Time::min();
    }
    const bool may_send = is_live_ && !to_send_.empty() && under_way_ < kAsksMax;
    const Time ask_again = sent_.empty() ? kNever : sent_.front().first + kAnswerMax;
    return may_send ? std::min(send_at_, ask_again) : ask_again;
}

void CatchUp::send_asks(Time now) {
    while (is_live_ && send_at_ <= now && !to_send_.empty() && under_way_ < kAsksMax) {
        const std::uint64_t token = to_send_.front();
        to_send_.pop_front();
        const auto found = asks_.find(token);
        if (found == asks_.end()) {
            continue;
        }
        Ask& ask = found->second;
        unsent_.erase(key_of(ask.ids, ask.after));
        std::erase_if(ask.streams, [this, token](StreamKey key) {
            const Stream* const stream = find(key);
            return stream == nullptr || stream->token != token;
        });
        if (ask.streams.empty()) {
            asks_.erase(found);
            continue;
        }
        ask.is_sent = true;
        ask.sent_at = now;
        sent_.emplace_back(now, token);
        ++under_way_;
        // Without a cursor nothing is wanted but the position.
        const bool has_cursor = ask.after.epoch != 0;
        host_.ask({.token = token,
                   .is_for_feed = true,
                   .epoch = ask.after.epoch,
                   .after = has_cursor ? ask.after.position : UINT64_MAX,
                   .count_max = kMessagesOfAnswer,
                   .ids = ask.ids.list()});
    }
}

std::size_t CatchUp::give(StreamKey key, const Answer& answer) {
    Stream* const stream = find(key);
    if (stream == nullptr || stream->token != answer.kept.token) {
        return 0;
    }
    stream->token = 0;
    if (!tell_beginning(key, answer, !std::exchange(stream->is_answered, true))) {
        return 0;
    }
    const std::size_t shown = show_kept(key, answer);
    go_on(key, answer);
    return shown;
}

/// The history may lose messages, or begin anew, between two answers for one stream: each answer
/// may tell of a gap.
/// @return whether the stream is still there.
bool CatchUp::tell_beginning(StreamKey key, const Answer& answer, bool is_first) {
    Stream& stream = *find(key);
    const Cursor now{answer.kept.epoch, answer.kept.through};
    const Cursor since{answer.kept.epoch, answer.kept.since};
    const bool wants_position = stream.wants_position && is_first;
    switch (answer.kept.reach) {
    case wire::Reach::kWhole:
        if (wants_position) {
            host_.tell_position(key, stream.cursor);
        }
        break;
    case wire::Reach::kNoCursor:
        if (stream.has_bad_cursor && is_first) {
            host_.tell_gap(key, GapReason::kCursor, now);
        } else if (wants_position) {
            host_.tell_position(key, now);
        }
        break;
    case wire::Reach::kEvicted:
        host_.tell_gap(key, GapReason::kEvicted, since);
        break;
    case wire::Reach::kOtherEpoch:
        stream.is_of_other_epoch = stream.is_cut_off;
        host_.tell_gap(key, stream.is_cut_off ? GapReason::kCutOff : GapReason::kEpoch, since);
        break;
    case wire::Reach::kNoHistory:
    case wire::Reach::kNotLoggedIn:
        if (stream.is_cut_off) {
            host_.tell_gap(key, GapReason::kCutOff, {});
        } else if (is_first && (stream.cursor.epoch != 0 || stream.has_bad_cursor)) {
            host_.tell_gap(key, GapReason::kCursor, {});
        }
        break;
    }
    return find(key) != nullptr;
}

std::size_t CatchUp::show_kept(StreamKey key, const Answer& answer) {
    std::size_t shown = 0;
    for (const KeptMessage& message : answer.messages) {
        Stream* const stream = find(key);
        if (stream == nullptr) {
            return shown;
        }
        const Cursor cursor{answer.kept.epoch, message.position};
        stream->cursor = cursor;
        if (stream->is_of_other_epoch && was_shown(*stream, message, cursor)) {
            continue;
        }
        ++shown;
        host_.show(key, {message.id, message.payload, message.attributes, cursor});
    }
    return shown;
}

/// A sender sends a message again to a broker that began anew, and the stream may have it from the
/// one before. The node has also seen what the stream holds.
bool CatchUp::was_shown(const Stream& stream, const KeptMessage& message,
                        const Cursor& cursor) const {
    if (message.origin.sender == 0 || stream.has_lost_held || !host_.was_shown(message.origin)) {
        return false;
    }
    return std::none_of(stream.held.begin(), stream.held.end(),
                        [&cursor](const Held& held) { return held.cursor == cursor; });
}

void CatchUp::go_on(StreamKey key, const Answer& answer) {
    Stream* stream = find(key);
    if (stream == nullptr) {
        return;
    }
    if (answer.kept.has_more) {
        join_ask(key, *stream);
        return;
    }
    if (answer.kept.epoch != 0) {
        stream->cursor = {answer.kept.epoch, answer.kept.through};
    }
    if (std::exchange(stream->has_lost_held, false)) {
        drop_held(*stream);
        join_ask(key, *stream);
        return;
    }
    show_held(key, answer);
    stream = find(key);
    if (stream == nullptr) {
        return;
    }
    stream->stage = Stage::kFollowing;
    stream->feed = answer.kept.feed;
    if (stream->feed <= applied_) {
        finish(key);
    } else {
        following_.emplace(stream->feed, key);
    }
}

void CatchUp::show_held(StreamKey key, const Answer& answer) {
    Stream* const stream = find(key);
    const std::deque<Held> held = std::exchange(stream->held, {});
    drop_held(*stream);
    for (const Held& message : held) {
        const bool is_in_history = message.cursor.epoch == answer.kept.epoch &&
                                   message.cursor.position <= answer.kept.through;
        if (message.cursor.epoch != 0 && is_in_history) {
            continue;
        }
        if (Stream* const still = find(key); still == nullptr) {
            return;
        } else if (message.cursor.epoch == still->cursor.epoch) {
            still->cursor.position = std::max(still->cursor.position, message.cursor.position);
        }
        host_.show(key, {message.id, message.payload, message.attributes, message.cursor});
    }
}

} // namespace zcomet::history

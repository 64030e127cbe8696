#include "topology/history/catch_up.hpp"

#include "topology/wire/attributes.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace zcomet::history {

namespace {

/// A node asks so long after the broker did not know its login: a list may be under way.
/// @limit pause before a node asks for a history again
constexpr Duration kAskAgain = 100ms;
/// More messages do not fit into most answers.
constexpr std::uint32_t kMessagesOfAnswer = 1000;

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

/// Streams that ask the same have one question.
std::string CatchUp::key_of(const Ask& ask) {
    std::string key = ask.ids.bytes();
    key.push_back(ask.from_earliest ? '*' : ' ');
    append_cursor(key, ask.after);
    return key;
}

CatchUp::Stream* CatchUp::find(StreamKey key) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) {
        return nullptr;
    }
    begin_anew(key, found->second);
    return &found->second;
}

void CatchUp::begin(StreamKey key, const Beginning& beginning) {
    Stream& stream = streams_[key];
    stream.breaks = breaks_;
    stream.ids = wire::OwnedIds(beginning.ids);
    stream.began = beginning.cursor;
    stream.cursor = beginning.cursor;
    stream.has_bad_cursor = beginning.has_bad_cursor;
    stream.from_earliest = beginning.from_earliest;
    stream.wants_position = beginning.wants_position;
    stream.is_cut_off = beginning.is_cut_off;
    join_ask(key, stream);
}

void CatchUp::end(StreamKey key) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) {
        return;
    }
    drop_held(found->second);
    following_.erase({found->second.feed, key});
    streams_.erase(found);
}

/// A question that is sent already may have been answered before this stream was there: then what
/// came in between would be missing.
void CatchUp::join_ask(StreamKey key, Stream& stream) {
    Ask wanted{.ids = stream.ids,
               .after = stream.cursor,
               .from_earliest = stream.from_earliest && stream.cursor.epoch == 0};
    const auto [place, is_new] = unsent_.try_emplace(key_of(wanted));
    if (is_new) {
        wanted.number = ++last_number_;
        to_send_.push_back(std::move(wanted));
        place->second = std::prev(to_send_.end());
    }
    Ask& ask = *place->second;
    if (stream.ask != ask.number) {
        stream.ask = ask.number;
        ask.streams.push_back(key);
    }
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

/// Answers that are under way, or not given to all of their streams, fit to a feed that is over.
void CatchUp::on_lost() {
    is_live_ = false;
    for (auto& [token, sent] : std::exchange(sent_, {})) {
        ask_again(std::move(sent.ask));
    }
    for (Answer& answer : answers_) {
        ask_again_for_rest(answer);
    }
    answers_.clear();
}

/// All streams begin anew, and ask again: so nobody needs the answers that are under way.
void CatchUp::on_feed_broken() {
    ++breaks_;
    applied_ = 0;
    sent_.clear();
    answers_.clear();
    lingering_.clear();
    anew_from_ = streams_.empty() ? std::nullopt : std::optional(streams_.begin()->first);
}

void CatchUp::begin_some_anew() {
    if (!anew_from_) {
        return;
    }
    auto at = streams_.lower_bound(*anew_from_);
    for (; at != streams_.end() && looks_left_ > 0; ++at, --looks_left_) {
        begin_anew(at->first, at->second);
    }
    anew_from_ = at == streams_.end() ? std::nullopt : std::optional(at->first);
}

/// Held messages of a feed that is over would come after those of the next one, or with the cursors
/// of another epoch. The history has them, or the stream is told of a gap.
void CatchUp::begin_anew(StreamKey key, Stream& stream) {
    if (stream.breaks == breaks_) {
        return;
    }
    stream.breaks = breaks_;
    if (stream.stage == Stage::kFollowing) {
        following_.erase({stream.feed, key});
    }
    const bool had_begun = stream.stage == Stage::kFollowing || stream.is_answered;
    if (had_begun) {
        stream.stage = Stage::kAsking;
        stream.began = {};
        stream.is_cut_off = true;
        stream.is_answered = true;
    } else if (stream.cursor.epoch == 0 && !stream.has_bad_cursor && !stream.from_earliest &&
               !stream.held.empty() && stream.held.front().cursor.epoch != 0) {
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

void CatchUp::ask_again(Ask ask) {
    to_send_.push_back(std::move(ask));
    const auto place = std::prev(to_send_.end());
    unsent_.try_emplace(key_of(*place), place);
}

/// The next stream may have been shown a part of the answer: it asks for what follows.
void CatchUp::ask_again_for_rest(Answer& answer) {
    if (answer.ask.is_over()) {
        return;
    }
    const StreamKey key = answer.ask.streams[answer.ask.next];
    if (answer.has_begun && waits_for(key, answer.ask)) {
        join_ask(key, *find(key));
        ++answer.ask.next;
    }
    ask_again(std::move(answer.ask));
}

void CatchUp::ask_unanswered(Time now) {
    while (!sent_.empty() && sent_.begin()->second.at + kAnswerMax <= now) {
        Ask ask = std::move(sent_.begin()->second.ask);
        sent_.erase(sent_.begin());
        ask_again(std::move(ask));
    }
}

void CatchUp::on_kept(const wire::Kept& kept, Time now) {
    const auto found = sent_.find(kept.token);
    if (found == sent_.end()) {
        return; // asked again meanwhile, or by nobody
    }
    Ask ask = std::move(found->second.ask);
    sent_.erase(found);
    if (kept.reach == wire::Reach::kNotLoggedIn) {
        ask_again(std::move(ask));
        send_at_ = now + kAskAgain;
        return;
    }
    Answer& answer = answers_.emplace_back();
    answer.kept = kept;
    answer.ask = std::move(ask);
    answer.messages.reserve(kept.messages.count());
    kept.messages.copied_to(answer.bytes).for_each([&answer](const wire::Message& message) {
        answer.messages.push_back({message, wire::read_attributes(message.attributes).position});
    });
    answer.kept.messages = {};
}

void CatchUp::on_applied(std::uint64_t number) {
    applied_ = number;
    finish_followers();
}

/// Until then a stream gets its messages in order as well.
void CatchUp::finish_followers() {
    for (; has_followers_to_finish() && looks_left_ > 0; --looks_left_) {
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
    for (std::size_t left = lingering_.size(); left > 0 && looks_left_ > 0; --left, --looks_left_) {
        const StreamKey key = lingering_.front();
        lingering_.pop_front();
        finish(key);
    }
}

void CatchUp::turn(Time now) {
    looks_left_ = kLooksPerTurn;
    begin_some_anew();
    give_answers();
    finish_followers();
    finish_lingering();
    ask_unanswered(now);
    if (!anew_from_) { // until then further streams may share a question
        send_asks(now);
    }
}

Time CatchUp::due() const {
    if (!answers_.empty() || !lingering_.empty() || anew_from_ || has_followers_to_finish()) {
        return Time::min();
    }
    const bool may_send = is_live_ && !to_send_.empty() && sent_.size() < kAsksMax;
    const Time ask_again = sent_.empty() ? kNever : sent_.begin()->second.at + kAnswerMax;
    return may_send ? std::min(send_at_, ask_again) : ask_again;
}

bool CatchUp::waits_for(StreamKey key, const Ask& ask) {
    const Stream* const stream = find(key);
    return stream != nullptr && stream->ask == ask.number;
}

void CatchUp::send_asks(Time now) {
    while (is_live_ && send_at_ <= now && !to_send_.empty() &&
           sent_.size() + answers_.size() < kAsksMax) {
        Ask& ask = to_send_.front();
        for (; !ask.is_over() && !waits_for(ask.streams[ask.next], ask); ++ask.next) {
            if (looks_left_ == 0) {
                return;
            }
            --looks_left_;
        }
        const auto joinable = unsent_.find(key_of(ask));
        if (joinable != unsent_.end() && &*joinable->second == &ask) {
            unsent_.erase(joinable);
        }
        if (!ask.is_over()) {
            send(std::move(ask), now);
        }
        to_send_.pop_front();
    }
}

void CatchUp::send(Ask unsent, Time now) {
    const std::uint64_t token = ++last_number_;
    const Ask& ask = sent_.emplace(token, Sent{now, std::move(unsent)}).first->second.ask;
    // Without a cursor nothing is wanted but the position.
    const bool wants_messages = ask.after.epoch != 0 || ask.from_earliest;
    host_.ask({.token = token,
               .is_for_feed = true,
               .epoch = ask.after.epoch,
               .after = wants_messages ? ask.after.position : UINT64_MAX,
               .count_max = kMessagesOfAnswer,
               .ids = ask.ids.list()});
}

void CatchUp::give_answers() {
    for (std::size_t left = kShownPerTurn; left > 0 && !answers_.empty();) {
        Answer& answer = answers_.front();
        left -= std::min(left, 1 + give(answer, left));
        if (answer.ask.is_over()) {
            answers_.pop_front();
        }
    }
}

/// Gives the next stream the answer, or a part of it.
/// @return how many messages it was shown, which are not more than `shown_max`.
std::size_t CatchUp::give(Answer& answer, std::size_t shown_max) {
    const StreamKey key = answer.ask.streams[answer.ask.next];
    if (!waits_for(key, answer.ask)) {
        go_to_next_stream(answer);
        return 0;
    }
    if (!std::exchange(answer.has_begun, true) &&
        !tell_beginning(key, answer, !std::exchange(find(key)->is_answered, true))) {
        go_to_next_stream(answer);
        return 0;
    }
    const std::size_t shown = show_kept(key, answer, shown_max);
    Stream* const stream = find(key);
    if (stream != nullptr && answer.next_message < answer.messages.size()) {
        return shown;
    }
    if (stream != nullptr) {
        stream->ask = 0;
        go_on(key, answer);
    }
    go_to_next_stream(answer);
    return shown;
}

void CatchUp::go_to_next_stream(Answer& answer) {
    ++answer.ask.next;
    answer.has_begun = false;
    answer.next_message = 0;
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
            host_.tell_position(key, stream.from_earliest ? since : now);
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

std::size_t CatchUp::show_kept(StreamKey key, Answer& answer, std::size_t shown_max) {
    std::size_t shown = 0;
    for (; answer.next_message < answer.messages.size() && shown < shown_max;
         ++answer.next_message) {
        Stream* const stream = find(key);
        if (stream == nullptr) {
            break;
        }
        const auto& [message, position] = answer.messages[answer.next_message];
        const Cursor cursor{answer.kept.epoch, position};
        stream->cursor = cursor;
        if (stream->is_of_other_epoch && was_shown(*stream, message.origin, cursor)) {
            continue;
        }
        ++shown;
        host_.show(key, {message.id, message.payload, message.attributes, cursor});
    }
    return shown;
}

/// A sender sends a message again to a broker that began anew, and the stream may have it from the
/// one before. The node has also seen what the stream holds.
bool CatchUp::was_shown(const Stream& stream, const wire::Origin& origin,
                        const Cursor& cursor) const {
    if (origin.sender == 0 || stream.has_lost_held || !host_.was_shown(origin)) {
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

// Promises to streams of ids with a history, and what the broker says of its history.
#include "test/simulation/frame_text.hpp"
#include "test/simulation/promises.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace zcomet::sim {

namespace {
/// How often a client that was there before comes back, while one is away, and with nonsense.
constexpr std::uint64_t kComesBackPerMille = 800;
constexpr std::uint64_t kBadCursorPerMille = 50;
/// How often a client has another id beside, and yet another.
constexpr std::uint64_t kSeveralIdsPerMille = 300;

std::string key_of(std::string_view connection, std::uint64_t token) {
    return fmt::format("{} {}", connection, token);
}

/// The position after `last`, by DESIGN.md: milliseconds << 20 | count << 8 | broker, which is 0.
std::uint64_t position_after(std::uint64_t last, std::uint64_t unix_ms) {
    constexpr std::uint64_t kStep = 1U << 8U;
    return std::max(unix_ms << 20U, last + kStep);
}

bool has_id(const StreamAccount& stream, IdNumber id) {
    return std::find(stream.ids.begin(), stream.ids.end(), id) != stream.ids.end();
}

const Epoch::Kept* first_after(const std::vector<Epoch::Kept>& kept, std::uint64_t position) {
    const auto found = std::upper_bound(
        kept.begin(), kept.end(), position,
        [](std::uint64_t after, const Epoch::Kept& entry) { return after < entry.position; });
    return kept.data() + (found - kept.begin());
}
} // namespace

// ---- What the broker keeps ---------------------------------------------------------------------

void Promises::begin_epoch() {
    questions_.clear();
    Epoch& epoch = epochs_.emplace_back();
    epoch.number = broker_->epoch();
    epoch.unix_ms = broker_->unix_ms();
    epoch.began = world_.now();
    epoch.by_id.resize(ids_.size());
}

void Promises::keep(IdNumber id, std::uint64_t message) {
    ++world_.totals().kept;
    Epoch& epoch = epochs_.back();
    const auto passed = static_cast<std::uint64_t>(in_ms(world_.now() - epoch.began));
    epoch.last = position_after(epoch.last, epoch.unix_ms + passed);
    epoch.by_id[id].push_back({epoch.last, message, world_.now()});
    ++messages_[message].kept;
    messages_[message].kept_in = epochs_.size();
}

bool Promises::is_new_to_history(const wire::Message& sent) const {
    const std::uint64_t number = message_of(sent.payload).value_or(0);
    return has_history(number_of(sent.id)) && number < messages_.size() &&
           messages_[number].kept_in != epochs_.size();
}

const Epoch* Promises::find_epoch(std::uint64_t number) const {
    const auto found = std::find_if(epochs_.begin(), epochs_.end(), [number](const Epoch& epoch) {
        return epoch.number == number;
    });
    return found == epochs_.end() ? nullptr : &*found;
}

/// Whether that message, of those to its id, has that position.
bool Promises::is_kept_at(const history::Cursor& cursor, std::uint64_t message) const {
    const Epoch* const epoch = find_epoch(cursor.epoch);
    if (epoch == nullptr || message >= messages_.size() || cursor.position == 0) {
        return false;
    }
    const std::vector<Epoch::Kept>& all = epoch->by_id[messages_[message].id];
    const Epoch::Kept* const kept = first_after(all, cursor.position - 1);
    return kept != all.data() + all.size() && kept->position == cursor.position &&
           kept->message == message;
}

/// The newest message that the present broker may have let go; all after it must be there.
std::uint64_t Promises::may_be_gone_through(IdNumber id) const {
    const std::vector<Epoch::Kept>& kept = epochs_.back().by_id[id];
    const broker::history::Rule& rule = *rules_[id];
    std::uint64_t through = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
        const bool is_old = kept[i].at + rule.age_max <= world_.now();
        if (limits_.history_bytes_are_few || is_old || i + rule.count_max < kept.size()) {
            through = kept[i].position;
        }
    }
    return through;
}

/// The same of several ids, of those that have a history.
std::uint64_t Promises::may_be_gone_through(const std::vector<IdNumber>& ids) const {
    std::uint64_t through = 0;
    for (const IdNumber id : ids) {
        through = std::max(through, has_history(id) ? may_be_gone_through(id) : 0);
    }
    return through;
}

/// What an epoch has kept of these ids after a position, in order.
std::vector<Epoch::Kept> Promises::kept_after(const Epoch& epoch, const std::vector<IdNumber>& ids,
                                              std::uint64_t position) {
    std::vector<Epoch::Kept> kept;
    for (const IdNumber id : ids) {
        const std::vector<Epoch::Kept>& all = epoch.by_id[id];
        kept.insert(kept.end(), all.begin() + (first_after(all, position) - all.data()), all.end());
    }
    std::sort(kept.begin(), kept.end(),
              [](const Epoch::Kept& a, const Epoch::Kept& b) { return a.position < b.position; });
    return kept;
}

void Promises::note_question(std::string_view connection, const wire::History& question) {
    Question& noted = questions_[key_of(connection, question.token)];
    noted = {{}, {question.epoch, question.after}};
    question.ids.for_each([&](std::string_view name) { noted.ids.push_back(number_of(name)); });
}

void Promises::check_kept(std::string_view connection, const wire::Kept& kept) {
    const auto asked = questions_.find(key_of(connection, kept.token));
    if (asked == questions_.end()) {
        return world_.violate("an answer about a history that nobody asked for");
    }
    const Question question = asked->second;
    if (kept.reach == wire::Reach::kNotLoggedIn) {
        return;
    }
    const Epoch& epoch = epochs_.back();
    const std::string id = text_of(question.ids);
    const std::uint64_t gone = may_be_gone_through(question.ids);
    const bool is_of_epoch = question.after.epoch == epoch.number;
    const bool is_whole = kept.reach == wire::Reach::kWhole;
    const bool is_evicted = kept.reach == wire::Reach::kEvicted;
    const bool has_no_cursor = question.after.epoch == 0;
    if (kept.epoch != epoch.number || kept.through != epoch.last ||
        (is_whole || is_evicted) != is_of_epoch ||
        (kept.reach == wire::Reach::kNoCursor) != has_no_cursor) {
        return world_.violate(fmt::format("the broker says {} of the history of {}",
                                          static_cast<unsigned>(kept.reach), id));
    }
    if (kept.since > gone || (is_evicted && question.after.position >= gone)) {
        return world_.violate(fmt::format("the history of {} must reach back to {:x}, and the "
                                          "broker says that it does not, but to {:x}",
                                          id, gone, kept.since));
    }
    const std::uint64_t from = is_whole || has_no_cursor ? question.after.position : kept.since;
    const std::vector<Epoch::Kept> all = kept_after(epoch, question.ids, from);
    const Epoch::Kept* next = all.data();
    const Epoch::Kept* const end = all.data() + all.size();
    kept.messages.for_each([&](const wire::Message& message) {
        if (world_.violated()) {
            return;
        }
        if (next == end || next->message != message_of(message.payload).value_or(0)) {
            return world_.violate(fmt::format("the history of {} has #{} in place of #{}", id,
                                              message_of(message.payload).value_or(0),
                                              next == end ? 0 : next->message));
        }
        static_cast<void>(find_message(message, next++->position));
    });
    if (!kept.has_more && next != end && !world_.violated()) {
        world_.violate(fmt::format("the history of {} ends before #{}", id, next->message));
    }
}

// ---- What streams are shown --------------------------------------------------------------------

StreamAccount& Promises::on_visit(NodeAccount& node, IdNumber id) {
    Random& random = world_.history_random();
    StreamAccount* stream = nullptr;
    if (std::vector<StreamAccount*>& away = away_[id];
        !away.empty() && random.chance(kComesBackPerMille)) {
        stream = std::exchange(away[random.below(away.size())], away.back());
        away.pop_back();
    } else {
        stream = &streams_.emplace_back();
        stream->index = static_cast<std::uint32_t>(streams_.size());
        stream->ids = {id};
        while (stream->ids.size() < 3 && random.chance(kSeveralIdsPerMille)) {
            const auto other = static_cast<IdNumber>(random.below(ids_.size()));
            if (std::find(stream->ids.begin(), stream->ids.end(), other) == stream->ids.end()) {
                stream->ids.push_back(other);
            }
        }
    }
    stream->node = &node;
    stream->has_bad_cursor = random.chance(kBadCursorPerMille);
    stream->is_owed = stream->cursor.epoch != 0;
    stream->is_resumed = stream->cursor.epoch != 0 && !stream->has_bad_cursor;
    world_.totals().resumed += stream->is_resumed ? 1 : 0;
    if (world_.tracing()) {
        world_.note(fmt::format("    n{}: {} opens, {:04x}-{:x}", node.slot, text_of(*stream),
                                stream->cursor.epoch >> 48U, stream->cursor.position));
    }
    return *stream;
}

void Promises::on_leave(StreamAccount& stream) {
    if (world_.tracing()) {
        world_.note(fmt::format("    {} leaves", text_of(stream)));
    }
    stream.node = nullptr;
    away_[stream.ids.front()].push_back(&stream);
}

/// Whether the node has shown it before, or its copy, which its sender repeats.
bool Promises::may_be_hidden(const NodeAccount& node, std::uint64_t message) const {
    const auto is_repeated = [&](std::uint64_t number) {
        return messages_[number].sent > 1 && node.awaited_shown.contains(number);
    };
    return is_repeated(message) || is_repeated(messages_[message].copy);
}

/// The first message before a position that the stream has not had. One that its node has shown
/// before, which a sender repeated to a new broker, it need not have.
const Epoch::Kept* Promises::first_owed(const StreamAccount& stream, std::uint64_t before) const {
    const Epoch::Kept* owed = nullptr;
    for (const IdNumber id : stream.ids) {
        const std::vector<Epoch::Kept>& all = find_epoch(stream.cursor.epoch)->by_id[id];
        const Epoch::Kept* const end = all.data() + all.size();
        for (const Epoch::Kept* next = first_after(all, stream.cursor.position);
             next != end && next->position < before; ++next) {
            if (!may_be_hidden(*stream.node, next->message)) {
                owed = next;
                before = next->position;
            }
        }
    }
    return owed;
}

void Promises::on_stream_shown(StreamAccount& stream, std::string_view payload,
                               const history::Cursor& cursor) {
    const std::uint64_t number = message_of(payload).value_or(0);
    if (world_.tracing()) {
        world_.note(fmt::format("    {} is shown #{} at {:04x}-{:x}", text_of(stream), number,
                                cursor.epoch >> 48U, cursor.position));
    }
    if (world_.violated()) {
        return;
    }
    if (!is_kept_at(cursor, number) || !has_id(stream, messages_[number].id)) {
        return world_.violate(
            fmt::format("{} is shown #{} with a wrong position", text_of(stream), number));
    }
    if (stream.is_owed && stream.cursor.epoch != cursor.epoch) {
        return world_.violate(fmt::format("{} is shown #{} of another broker, and was told of no "
                                          "gap",
                                          text_of(stream), number));
    }
    const bool may_come_again = messages_[number].kept > 1; // by several brokers
    if (!stream.shown.insert(number).second && !may_come_again) {
        return world_.violate(fmt::format("{} is shown #{} once more", text_of(stream), number));
    }
    if (stream.cursor.epoch == cursor.epoch && cursor.position <= stream.cursor.position) {
        return world_.violate(
            fmt::format("{} is shown #{} after later ones", text_of(stream), number));
    }
    if (stream.is_owed) {
        if (const Epoch::Kept* const owed = first_owed(stream, cursor.position)) {
            return world_.violate(fmt::format("{} is shown #{}, and was not shown #{}",
                                              text_of(stream), number, owed->message));
        }
    }
    stream.is_resumed = false;
    stream.cursor = cursor;
}

void Promises::on_position_told(StreamAccount& stream, const history::Cursor& cursor) {
    if (world_.tracing()) {
        world_.note(fmt::format("    {} is told {:04x}-{:x}", text_of(stream), cursor.epoch >> 48U,
                                cursor.position));
    }
    const bool is_right =
        stream.is_resumed ? cursor == stream.cursor : !stream.is_owed && !stream.has_bad_cursor;
    if (!is_right || find_epoch(cursor.epoch) == nullptr) {
        world_.violate(fmt::format("{} is told another position than its own", text_of(stream)));
    }
    stream.is_owed = true;
    stream.is_resumed = false;
    stream.cursor = cursor;
}

void Promises::on_gap_told(StreamAccount& stream, history::GapReason reason,
                           const history::Cursor& goes_on) {
    ++world_.totals().gaps;
    if (world_.tracing()) {
        world_.note(fmt::format("    {} is told of a gap, {}, to {:04x}-{:x}", text_of(stream),
                                history::name_of(reason), goes_on.epoch >> 48U, goes_on.position));
    }
    if (find_epoch(goes_on.epoch) == nullptr) {
        return world_.violate(fmt::format("{} has no cursor after a gap", text_of(stream)));
    }
    const bool is_of_bad_cursor =
        reason == history::GapReason::kCursor && std::exchange(stream.has_bad_cursor, false);
    const history::Cursor before = stream.cursor;
    if (before.epoch == goes_on.epoch && before.position > goes_on.position) {
        return world_.violate(fmt::format("{} goes back after a gap", text_of(stream)));
    }
    const Epoch& epoch = *find_epoch(goes_on.epoch);
    if (stream.is_owed && before.epoch == goes_on.epoch && !is_of_bad_cursor &&
        kept_after(epoch, stream.ids, before.position).size() ==
            kept_after(epoch, stream.ids, goes_on.position).size()) {
        return world_.violate(
            fmt::format("{} is told of a gap, and missed nothing", text_of(stream)));
    }
    stream.is_owed = true;
    stream.is_resumed = false;
    stream.cursor = goes_on;
}

void Promises::check_complete(const StreamAccount& stream) {
    if (!stream.is_owed) {
        return;
    }
    if (stream.cursor.epoch != epochs_.back().number) {
        return world_.violate(
            fmt::format("{} was not told that another broker has begun", text_of(stream)));
    }
    if (const Epoch::Kept* const owed = first_owed(stream, UINT64_MAX)) {
        world_.violate(
            fmt::format("{} was not shown #{}, nor told of a gap", text_of(stream), owed->message));
    }
}

std::string Promises::text_of(const std::vector<IdNumber>& ids) const {
    std::string text;
    for (const IdNumber id : ids) {
        text.append(text.empty() ? "" : " and ").append(ids_[id]);
    }
    return text;
}

std::string Promises::text_of(const StreamAccount& stream) const {
    return fmt::format("stream {} of {}{}", stream.index, text_of(stream.ids),
                       stream.node == nullptr ? "" : fmt::format(" at n{}", stream.node->slot));
}

} // namespace zcomet::sim

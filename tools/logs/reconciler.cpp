#include "tools/logs/reconciler.hpp"

#include "topology/base/check.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace zcomet::tools::logs {

namespace {

constexpr std::size_t kSendersMax = std::numeric_limits<std::uint16_t>::max();
constexpr std::size_t kMessagesMax = std::numeric_limits<std::uint32_t>::max();

/// @param dropped  the stream's own numbers show that the web node had it.
/// @param told     the stream was told later that it missed messages.
std::string_view reason_of(Fate fate, bool dropped, bool told) {
    switch (fate) {
    case Fate::kVoid:
    case Fate::kUnconfirmed:
        return name_of(fate);
    case Fate::kHeld:
        break;
    }
    if (dropped) {
        return "dropped";
    }
    return told ? "cut-off" : "unknown";
}

} // namespace

std::string_view name_of(Finding::Kind kind) {
    switch (kind) {
    case Finding::Kind::kMissing:
        return "missing";
    case Finding::Kind::kTwice:
        return "twice";
    case Finding::Kind::kOutOfOrder:
        return "out-of-order";
    case Finding::Kind::kUnsent:
        break;
    }
    return "unsent";
}

Reconciler::Reconciler(std::uint64_t grace_ns, OnFinding on_finding)
    : grace_ns_(grace_ns), on_finding_(std::move(on_finding)) {}

Status Reconciler::add_sent(const SentLine& line) {
    ZCOMET_ASSERT(!sorted_);
    const store::IdTable::Interned sender = senders_.intern(line.sender);
    if (sender.index >= kSendersMax || sent_.size() >= kMessagesMax) {
        return Error{"there are more senders or messages than can be compared"};
    }
    if (sender.is_new) {
        last_numbers_.push_back(0);
    }
    std::uint64_t& last = last_numbers_[sender.index];
    if (line.number <= last) {
        return Error{fmt::format("message {} of {} comes after its message {}", line.number,
                                 line.sender, last)};
    }
    last = line.number;
    sent_.push_back({line.number, line.time_ns, ids_.intern(line.id).index,
                     static_cast<std::uint16_t>(sender.index), line.fate, false});
    ++totals_.sent;
    return Done{};
}

void Reconciler::sort_sent() {
    if (std::exchange(sorted_, true)) {
        return;
    }
    std::sort(sent_.begin(), sent_.end(), [](const Sent& one, const Sent& other) {
        return std::tie(one.id, one.sender, one.number) <
               std::tie(other.id, other.sender, other.number);
    });
    first_of_id_.assign(std::size_t{ids_.index_bound()} + 1, 0);
    for (const Sent& sent : sent_) {
        ++first_of_id_[sent.id + 1];
    }
    for (std::size_t id = 1; id < first_of_id_.size(); ++id) {
        first_of_id_[id] += first_of_id_[id - 1];
    }
}

Reconciler::Range Reconciler::range_of(store::IdIndex id) const {
    return id == store::kNoIndex ? Range{} : Range{first_of_id_[id], first_of_id_[id + 1]};
}

Reconciler::Range Reconciler::range_of(store::IdIndex id, store::IdIndex sender) const {
    const Range all = range_of(id);
    const auto begin = sent_.begin() + all.begin;
    const auto end = sent_.begin() + all.end;
    const auto first = std::partition_point(
        begin, end, [sender](const Sent& sent) { return sent.sender < sender; });
    const auto behind = std::partition_point(
        first, end, [sender](const Sent& sent) { return sent.sender == sender; });
    return {static_cast<Position>(first - sent_.begin()),
            static_cast<Position>(behind - sent_.begin())};
}

/// Where a message of the track's sender to its id is.
std::optional<Reconciler::Position> Reconciler::find(const Track& track,
                                                     std::uint64_t number) const {
    if (track.next < track.range.end && sent_[track.next].number == number) {
        return track.next; // as nearly always
    }
    const auto end = sent_.begin() + track.range.end;
    const auto found =
        std::partition_point(sent_.begin() + track.range.begin, end,
                             [number](const Sent& sent) { return sent.number < number; });
    if (found == end || found->number != number) {
        return std::nullopt;
    }
    return static_cast<Position>(found - sent_.begin());
}

Reconciler::Track& Reconciler::track_of(Stream& stream, store::IdIndex sender) const {
    for (Track& track : stream.tracks) {
        if (track.sender == sender) {
            return track;
        }
    }
    Track& track = stream.tracks.emplace_back();
    track.sender = sender;
    track.range = range_of(stream.id, sender);
    // Nothing that was sent before the stream opened can be missing.
    const auto since = std::partition_point(
        sent_.begin() + track.range.begin, sent_.begin() + track.range.end,
        [&stream](const Sent& sent) { return sent.time_ns < stream.opened_ns; });
    track.begin = track.next = static_cast<Position>(since - sent_.begin());
    return track;
}

Status Reconciler::add_received(const StreamLine& line) {
    sort_sent();
    last_time_ns_ = std::max(last_time_ns_, line.time_ns);
    if (line.what == StreamLine::What::kOpen) {
        return open(line);
    }
    const auto stream = streams_.find(line.stream);
    if (stream == streams_.end()) {
        return Error{fmt::format("stream {} is not open", line.stream)};
    }
    if (line.what == StreamLine::What::kGot) {
        on_got(stream->second, line);
    } else if (line.what == StreamLine::What::kGap) {
        ++totals_.gaps;
        ++stream->second.told;
        stream->second.told_ns = line.time_ns;
    } else {
        close(line.stream, stream->second, line.time_ns);
        streams_.erase(stream);
    }
    return Done{};
}

Status Reconciler::open(const StreamLine& line) {
    const auto [stream, is_new] = streams_.try_emplace(line.stream);
    if (!is_new) {
        return Error{fmt::format("stream {} is open already", line.stream)};
    }
    stream->second.id = ids_.find(line.id).value_or(store::kNoIndex);
    stream->second.opened_ns = line.time_ns;
    ++totals_.streams;
    return Done{};
}

void Reconciler::on_got(Stream& stream, const StreamLine& line) {
    ++totals_.received;
    const std::uint32_t skipped =
        line.number_on_stream > stream.numbers ? line.number_on_stream - stream.numbers - 1 : 0;
    stream.numbers = std::max(stream.numbers, line.number_on_stream);
    const auto sender = line.sender.empty() ? std::nullopt : senders_.find(line.sender);
    if (!sender) {
        ++totals_.others;
        return;
    }
    Track& track = track_of(stream, *sender);
    const auto position = find(track, line.number);
    if (!position) {
        ++totals_.unsent;
        report(Finding::Kind::kUnsent, line);
        return;
    }
    sent_[*position].had_stream = true;
    place(line, stream, track, *position, skipped);
}

/// @param skipped  how many numbers of its own the stream has left out just before this message.
void Reconciler::place(const StreamLine& line, const Stream& stream, Track& track,
                       Position position, std::uint32_t skipped) {
    if (!std::exchange(track.has_some, true) && position < track.next) {
        // The login was known before the answer to it had come back.
        track.begin = track.next = position;
    }
    if (position >= track.next) {
        const bool dropped = skipped >= position - track.next;
        for (; track.next < position; ++track.next) {
            track.holes.emplace(track.next, Hole{dropped, is_told(stream, track, track.next)});
        }
        ++track.next;
        track.told = stream.told;
        return;
    }
    for (; track.begin > position; --track.begin) {
        track.holes.emplace(track.begin - 1, Hole{});
    }
    if (track.holes.erase(position) > 0) {
        ++totals_.out_of_order;
        report(Finding::Kind::kOutOfOrder, line);
    } else {
        ++totals_.twice;
        report(Finding::Kind::kTwice, line);
    }
}

/// Of a message behind the newest that the stream has of its sender.
bool Reconciler::is_told(const Stream& stream, const Track& track, Position position) const {
    return stream.told > track.told && sent_[position].time_ns <= stream.told_ns;
}

void Reconciler::close(std::uint64_t number, Stream& stream, std::uint64_t closed_ns) {
    const Range all = range_of(stream.id);
    for (Position position = all.begin; position < all.end;) {
        const Track& track = track_of(stream, sent_[position].sender);
        for (const auto& [missing, hole] : track.holes) {
            judge(number, stream, closed_ns, missing, hole);
        }
        position = track.next;
        for (; position < track.range.end && sent_[position].time_ns <= closed_ns; ++position) {
            judge(number, stream, closed_ns, position, {.told = is_told(stream, track, position)});
        }
        position = track.range.end;
    }
}

/// A message that a stream did not get.
void Reconciler::judge(std::uint64_t stream_number, const Stream& stream, std::uint64_t closed_ns,
                       Position position, Hole hole) {
    Sent& sent = sent_[position];
    if (sent.time_ns < stream.opened_ns || sent.time_ns > closed_ns) {
        return;
    }
    sent.had_stream = true;
    if (sent.time_ns - stream.opened_ns < grace_ns_ || closed_ns - sent.time_ns < grace_ns_) {
        ++totals_.at_edge;
        return;
    }
    ++totals_.missing;
    totals_.told += hole.told ? 1 : 0;
    on_finding_({Finding::Kind::kMissing, senders_.name(sent.sender), sent.number,
                 ids_.name(sent.id), log_, stream_number,
                 reason_of(sent.fate, hole.dropped, stream.told_ns >= sent.time_ns), hole.told});
}

void Reconciler::report(Finding::Kind kind, const StreamLine& line) {
    on_finding_({kind, line.sender, line.number, line.id, log_, line.stream, {}});
}

void Reconciler::end_log() {
    sort_sent();
    std::vector<std::uint64_t> still_open;
    for (const auto& [number, stream] : streams_) {
        still_open.push_back(number);
    }
    std::sort(still_open.begin(), still_open.end());
    for (const std::uint64_t number : still_open) {
        close(number, streams_.at(number), last_time_ns_);
    }
    streams_.clear();
    last_time_ns_ = 0;
    ++log_;
}

const ReconcileTotals& Reconciler::finish() {
    totals_.no_stream = static_cast<std::uint64_t>(std::count_if(
        sent_.begin(), sent_.end(), [](const Sent& sent) { return !sent.had_stream; }));
    return totals_;
}

} // namespace zcomet::tools::logs

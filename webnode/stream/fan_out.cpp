#include "webnode/stream/fan_out.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/attributes.hpp"

#include <utility>

namespace zcomet::webnode::stream {

namespace {

/// Messages that wait for the same streams are written together, with one send() for each stream,
/// up to this many bytes: a socket's buffer nearly always takes them, so that no stream needs an
/// outbox.
/// @limit bytes of queued messages that a stream gets in one write
constexpr std::size_t kTogetherBytesMax = 16'384;

} // namespace

FanOuts::~FanOuts() {
    abandon();
}

std::uint64_t FanOuts::abandon() {
    std::uint64_t chunks = 0;
    for (FanOut* const fan_out : turns_) {
        const std::size_t under_way = fan_out->messages.size();
        chunks += chunks_left(*fan_out, fan_out->position, 0, under_way);
        if (const auto id = table_.find_id(fan_out->id)) {
            chunks +=
                chunks_left(*fan_out, table_.first_stream(*id), under_way, fan_out->kept.size());
            counters_.add(slot::WorkerCounter::kMessagesGiven, fan_out->waiting());
        } else {
            counters_.add(slot::WorkerCounter::kMessagesUnclaimed, fan_out->waiting());
        }
        table_.let_go(fan_out->position);
    }
    turns_.clear();
    by_id_.clear();
    bytes_ = 0;
    return chunks;
}

/// What streams from `position` on have not had of the kept messages from `first` up to `last`.
std::uint64_t FanOuts::chunks_left(const FanOut& fan_out, StreamPosition position,
                                   std::size_t first, std::size_t last) const {
    std::uint64_t chunks = 0;
    const auto count = [&](connection::Handle, const connection::Connection& stream) {
        if (!stream.has_several_ids()) {
            chunks += last - first;
            return;
        }
        const std::uint64_t had = table_.last_number(stream);
        for (std::size_t i = first; i < last; ++i) {
            chunks += fan_out.kept[i].number > had ? 1 : 0;
        }
    };
    static_cast<void>(table_.for_some_streams(position, SIZE_MAX, count));
    return chunks;
}

void FanOuts::begin(std::string_view id, StreamPosition position,
                    std::span<const format::Message> messages) {
    auto fan_out = std::make_unique<FanOut>();
    fan_out->id = id;
    fan_out->position = position;
    for (const format::Message& message : messages) {
        const Kept& kept = keep(*fan_out, message);
        fan_out->messages.add(message_of(*fan_out, kept));
    }
    table_.hold(fan_out->position);
    turns_.push_back(fan_out.get());
    const std::string_view key = fan_out->id;
    const bool is_new = by_id_.emplace(key, std::move(fan_out)).second;
    ZCOMET_ASSERT(is_new);
}

void FanOuts::queue(const format::Message& message) {
    keep(*by_id_.at(message.id), message);
}

const FanOuts::Kept& FanOuts::keep(FanOut& fan_out, const format::Message& message) {
    const Kept& kept =
        fan_out.kept.emplace_back(Kept{std::string(message.text), std::string(message.attributes),
                                       message.cursor, message.number});
    bytes_ += kept.bytes();
    return kept;
}

format::Message FanOuts::message_of(const FanOut& fan_out, const Kept& kept) {
    return {fan_out.id,      kept.text,   wire::read_attributes(kept.attributes).event,
            kept.attributes, kept.cursor, kept.number};
}

/// All streams have the messages under way; begins the waiting ones, if there are any.
void FanOuts::begin_waiting(FanOut& fan_out) {
    drop_first(fan_out, fan_out.messages.size());
    // By name: the last stream may have closed meanwhile, and another id may have the index.
    const auto id = table_.find_id(fan_out.id);
    if (!id) {
        counters_.add(slot::WorkerCounter::kMessagesUnclaimed, fan_out.kept.size());
        drop_first(fan_out, fan_out.kept.size());
        return;
    }
    fan_out.position = table_.first_stream(*id);
    std::size_t together = 0;
    for (const Kept& kept : fan_out.kept) {
        if (together >= kTogetherBytesMax) {
            break;
        }
        together += kept.bytes();
        fan_out.messages.add(message_of(fan_out, kept));
    }
    counters_.add(slot::WorkerCounter::kMessagesGiven, fan_out.messages.size());
}

void FanOuts::drop_first(FanOut& fan_out, std::size_t count) {
    fan_out.messages.clear();
    for (; count > 0; --count) {
        bytes_ -= fan_out.kept.front().bytes();
        fan_out.kept.pop_front();
    }
}

void FanOuts::finish(FanOut& fan_out) {
    table_.let_go(fan_out.position);
    by_id_.erase(std::string_view(fan_out.id));
}

} // namespace zcomet::webnode::stream

#include "webnode/stream/fan_out.hpp"

#include "topology/base/check.hpp"

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
        chunks += streams_from(fan_out->position) * fan_out->messages.size();
        if (const auto id = table_.find_id(fan_out->id)) {
            chunks += streams_from(table_.first_stream(*id)) * fan_out->waiting();
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

std::uint64_t FanOuts::streams_from(StreamPosition position) const {
    std::uint64_t streams = 0;
    const auto count = [&streams](connection::Handle, const connection::Connection&) { ++streams; };
    static_cast<void>(table_.for_some_streams(position, SIZE_MAX, count));
    return streams;
}

void FanOuts::begin(std::string_view id, StreamPosition position,
                    std::span<const format::Message> messages) {
    auto fan_out = std::make_unique<FanOut>();
    fan_out->id = id;
    fan_out->position = position;
    for (const format::Message& message : messages) {
        fan_out->messages.add({fan_out->id, fan_out->texts.emplace_back(message.text)});
        bytes_ += message.text.size();
    }
    table_.hold(fan_out->position);
    turns_.push_back(fan_out.get());
    const std::string_view key = fan_out->id;
    const bool is_new = by_id_.emplace(key, std::move(fan_out)).second;
    ZCOMET_ASSERT(is_new);
}

void FanOuts::queue(std::string_view id, std::string_view text) {
    by_id_.at(id)->texts.emplace_back(text);
    bytes_ += text.size();
}

/// All streams have the messages under way; begins the waiting ones, if there are any.
void FanOuts::begin_waiting(FanOut& fan_out) {
    drop_first(fan_out, fan_out.messages.size());
    // By name: the last stream may have closed meanwhile, and another id may have the index.
    const auto id = table_.find_id(fan_out.id);
    if (!id) {
        counters_.add(slot::WorkerCounter::kMessagesUnclaimed, fan_out.texts.size());
        drop_first(fan_out, fan_out.texts.size());
        return;
    }
    fan_out.position = table_.first_stream(*id);
    std::size_t together = 0;
    for (const std::string& text : fan_out.texts) {
        if (together >= kTogetherBytesMax) {
            break;
        }
        together += text.size();
        fan_out.messages.add({fan_out.id, text});
    }
    counters_.add(slot::WorkerCounter::kMessagesGiven, fan_out.messages.size());
}

void FanOuts::drop_first(FanOut& fan_out, std::size_t count) {
    fan_out.messages.clear();
    for (; count > 0; --count) {
        bytes_ -= fan_out.texts.front().size();
        fan_out.texts.pop_front();
    }
}

void FanOuts::finish(FanOut& fan_out) {
    table_.let_go(fan_out.position);
    by_id_.erase(std::string_view(fan_out.id));
}

} // namespace zcomet::webnode::stream

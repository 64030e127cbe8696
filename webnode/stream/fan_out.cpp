#include "webnode/stream/fan_out.hpp"

#include "topology/base/check.hpp"

#include <utility>

namespace zcomet::webnode::stream {

namespace {

/// Messages that wait for the same streams leave together, in one send() for each stream, up to
/// this many bytes: a socket's buffer nearly always takes them, so that no stream needs an outbox.
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
            chunks += streams_from(table_.first_stream(*id)) * fan_out->waiting.size();
            counters_.add(slot::WorkerCounter::kMessagesGiven, fan_out->waiting.size());
        } else {
            counters_.add(slot::WorkerCounter::kMessagesUnclaimed, fan_out->waiting.size());
        }
        table_.let_go(fan_out->position);
    }
    turns_.clear();
    by_id_.clear();
    bytes_ = 0;
    return chunks;
}

std::uint64_t FanOuts::streams_from(connection::StreamPosition position) const {
    std::uint64_t streams = 0;
    const auto count = [&streams](connection::StreamHandle, const connection::Connection&) {
        ++streams;
    };
    static_cast<void>(table_.for_some_streams(position, SIZE_MAX, count));
    return streams;
}

void FanOuts::begin(std::string_view id, connection::StreamPosition position,
                    std::vector<EncodedMessage> messages) {
    auto fan_out = std::make_unique<FanOut>();
    fan_out->id = id;
    fan_out->position = position;
    fan_out->messages = std::move(messages);
    for (const EncodedMessage& message : fan_out->messages) {
        bytes_ += message.size();
    }
    table_.hold(fan_out->position);
    turns_.push_back(fan_out.get());
    const std::string_view key = fan_out->id;
    const bool is_new = by_id_.emplace(key, std::move(fan_out)).second;
    ZCOMET_ASSERT(is_new);
}

void FanOuts::queue(std::string_view id, std::string_view text) {
    EncodedMessage& message = by_id_.at(id)->waiting.emplace_back();
    message.prepare(text);
    bytes_ += message.size();
}

/// The streams have what was under way; then it is the turn of what waits, if anything does.
void FanOuts::begin_waiting(FanOut& fan_out) {
    for (const EncodedMessage& message : fan_out.messages) {
        bytes_ -= message.size();
    }
    fan_out.messages.clear();
    // By name: the last stream may have closed meanwhile, and the index may be another id's.
    const auto id = table_.find_id(fan_out.id);
    if (!id) {
        drop_waiting(fan_out);
        return;
    }
    fan_out.position = table_.first_stream(*id);
    for (std::size_t together = 0; !fan_out.waiting.empty() && together < kTogetherBytesMax;) {
        together += fan_out.waiting.front().size();
        fan_out.messages.push_back(std::move(fan_out.waiting.front()));
        fan_out.waiting.pop_front();
    }
    counters_.add(slot::WorkerCounter::kMessagesGiven, fan_out.messages.size());
}

void FanOuts::drop_waiting(FanOut& fan_out) {
    counters_.add(slot::WorkerCounter::kMessagesUnclaimed, fan_out.waiting.size());
    for (const EncodedMessage& message : fan_out.waiting) {
        bytes_ -= message.size();
    }
    fan_out.waiting.clear();
}

void FanOuts::finish(FanOut& fan_out) {
    table_.let_go(fan_out.position);
    by_id_.erase(std::string_view(fan_out.id));
}

} // namespace zcomet::webnode::stream

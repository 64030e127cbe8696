#include "webnode/delivery.hpp"

#include <algorithm>

namespace zcomet {

Delivery::Delivery(Connections& connections, Counters<WorkerCounter>& counters)
    : connections_(connections), table_(connections.table()), counters_(counters) {}

void Delivery::deliver(const wire::MessageList& messages) {
    collect(messages);
    const auto by_id = [](const Item& a, const Item& b) {
        return a.id != b.id ? a.id < b.id : a.position < b.position;
    };
    std::sort(items_.begin(), items_.end(), by_id);
    for (std::size_t begin = 0; begin < items_.size();) {
        std::size_t end = begin + 1;
        while (end < items_.size() && items_[end].id == items_[begin].id) {
            ++end;
        }
        deliver_to_id(std::span(items_).subspan(begin, end - begin));
        begin = end;
    }
    items_.clear();
}

void Delivery::collect(const wire::MessageList& messages) {
    std::uint32_t unclaimed = 0;
    messages.for_each([&](const wire::Message& message) {
        if (const auto id = table_.find_id(message.id)) {
            const auto position = static_cast<std::uint32_t>(items_.size());
            items_.push_back({*id, position, message.payload});
        } else {
            ++unclaimed; // its last stream closed while the message was under way
        }
    });
    counters_.add(WorkerCounter::kMessagesReceived, messages.count());
    counters_.add(WorkerCounter::kMessagesUnclaimed, unclaimed);
}

void Delivery::deliver_to_id(std::span<const Item> items) {
    if (encoded_.size() < items.size()) {
        encoded_.resize(items.size());
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
        encoded_[i].prepare(items[i].text);
    }
    // Closing streams while they are visited may free the id, but its index is not given to another
    // id before a stream opens, which does not happen during a delivery.
    table_.for_each_stream(items.front().id, [&](StreamHandle stream, Connection& connection) {
        write_to(stream, connection, items.size());
    });
}

void Delivery::write_to(StreamHandle stream, Connection& connection, std::size_t count) {
    chunks_.clear();
    for (std::size_t i = 0; i < count; ++i) {
        encoded_[i].append_to(chunks_, ++connection.messages, connection.chunked());
    }
    const bool written = connections_.write(stream, connection, chunks_);
    counters_.add(written ? WorkerCounter::kChunksWritten : WorkerCounter::kChunksDropped, count);
}

} // namespace zcomet

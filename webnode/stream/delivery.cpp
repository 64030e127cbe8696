#include "webnode/stream/delivery.hpp"

#include "topology/wire/attributes.hpp"

#include <algorithm>

namespace zcomet::webnode::stream {

namespace {

/// A send() to loopback or a network card costs 5 to 10 µs, so this many take a millisecond. Other
/// messages wait at most that long for each id with more streams.
/// @limit sends to streams of one id at once
constexpr std::size_t kSendsAtOnce = 128;
/// Copying so many bytes, into the system or into an outbox, costs as much as another send.
/// @limit bytes that cost a worker as much as a send
constexpr std::size_t kBytesOfASend = 8192;
/// So does closing a stream that does not read: its memory goes back, and its id's list changes.
constexpr std::size_t kSendsOfAClose = 8;
/// After this many sends in a turn no further batch is taken, and each id of the present one gets
/// kSendsWhenLate at once.
/// @limit sends of a worker in a turn, after which it takes no further batch
constexpr std::size_t kSendsPerTurn = 512;
constexpr std::size_t kSendsWhenLate = 4;
/// Messages that queue for ids with many streams. Above this the feed waits, and with it the
/// senders.
/// @limit bytes of messages whose streams are not all served yet
constexpr std::size_t kQueuedBytesMax = 256U << 10U;

} // namespace

Delivery::Delivery(connection::Connections& connections, StreamTable& streams,
                   metrics::Counters<slot::WorkerCounter>& counters)
    : connections_(connections), streams_(streams), counters_(counters),
      fan_outs_(streams_, counters), sends_left_(kSendsPerTurn),
      merge_(connections.table(), streams, fan_outs_) {}

bool Delivery::can_take() const {
    return sends_left_ > 0 && fan_outs_.bytes() < kQueuedBytesMax;
}

void Delivery::work() {
    fan_outs_.work(kSendsAtOnce, [this](connection::Handle stream,
                                        connection::Connection& connection, MessageSet& messages) {
        if (!connection.has_several_ids()) {
            return give(stream, connection, messages);
        }
        merge(stream, messages);
        constexpr std::size_t kInHand = 1;
        return 1 + write_merged(kInHand);
    });
    merge_.clear();
    sends_left_ = kSendsPerTurn;
}

std::uint64_t Delivery::abandon() {
    const std::uint64_t chunks = fan_outs_.abandon();
    counters_.add(slot::WorkerCounter::kChunksGiven, chunks);
    counters_.add(slot::WorkerCounter::kChunksDropped, chunks);
    return chunks;
}

void Delivery::deliver(const wire::MessageList& messages) {
    collect(messages);
    const auto by_id = [](const Item& a, const Item& b) {
        return a.id != b.id ? a.id < b.id : a.number < b.number;
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
    write_merged(0);
    merge_.clear();
    items_.clear();
}

void Delivery::collect(const wire::MessageList& messages) {
    std::uint32_t unclaimed = 0;
    std::uint64_t number = streams_.number_messages(messages.count());
    messages.for_each([&](const wire::Message& message) {
        ++number;
        wire::Attributes attributes;
        if (!message.attributes.empty()) {
            attributes = wire::read_attributes(message.attributes);
            cursor_.position = std::max(cursor_.position, attributes.position);
        }
        if (const auto id = streams_.find_id(message.id)) {
            items_.push_back({*id, number, message.id, message.payload, message.attributes,
                              attributes.event, attributes.position});
        } else {
            ++unclaimed; // its last stream closed while the message was under way
        }
    });
    counters_.add(slot::WorkerCounter::kMessagesReceived, messages.count());
    counters_.add(slot::WorkerCounter::kMessagesUnclaimed, unclaimed);
}

format::Message Delivery::message_of(const Item& item) const {
    const bool has_position = item.position != 0;
    return {item.name,
            item.text,
            item.event,
            item.attributes,
            has_position ? history::Cursor{cursor_.epoch, item.position} : history::Cursor{},
            item.number};
}

void Delivery::deliver_to_id(std::span<const Item> items) {
    const store::IdIndex id = items.front().id;
    if (!fan_outs_.empty() && fan_outs_.has(streams_.name(id))) {
        for (const Item& item : items) {
            fan_outs_.queue(message_of(item));
        }
        return;
    }
    counters_.add(slot::WorkerCounter::kMessagesGiven, items.size());
    messages_.clear();
    for (const Item& item : items) {
        messages_.add(message_of(item));
    }
    // A stream that closes during the visit may free the id. Its index is not given to another id
    // before a stream opens, which does not happen during a delivery.
    const StreamPosition rest = streams_.for_some_streams(
        streams_.first_stream(id), sends_left_ > 0 ? kSendsAtOnce : kSendsWhenLate,
        [&](connection::Handle stream, connection::Connection& connection) {
            if (!connection.has_several_ids()) {
                return give(stream, connection, messages_);
            }
            merge(stream, messages_);
            sends_left_ -= std::min<std::size_t>(sends_left_, 1);
            return std::size_t{1};
        });
    if (rest != store::kNoIndex) {
        fan_outs_.begin(streams_.name(id), rest, messages_.messages());
    }
}

std::size_t Delivery::give(connection::Handle stream, connection::Connection& connection,
                           MessageSet& messages) {
    return write_to(stream, connection, messages, all_places(messages));
}

std::span<const std::uint32_t> Delivery::all_places(const MessageSet& messages) {
    while (places_.size() < messages.size()) {
        places_.push_back(static_cast<std::uint32_t>(places_.size()));
    }
    return {places_.data(), messages.size()};
}

void Delivery::merge(connection::Handle stream, const MessageSet& messages) {
    for (const format::Message& message : messages.messages()) {
        merge_.add(stream, message);
    }
}

std::size_t Delivery::write_merged(std::size_t fan_outs) {
    std::size_t cost = 0;
    merge_.write(fan_outs, [&](connection::Handle stream, connection::Connection& connection,
                               MessageSet& messages, std::span<const std::uint32_t> places) {
        cost += write_to(stream, connection, messages, places);
    });
    return cost;
}

std::size_t Delivery::write_to(connection::Handle stream, connection::Connection& connection,
                               MessageSet& messages, std::span<const std::uint32_t> places) {
    if (connection.is_catching_up()) {
        for (const std::uint32_t place : places) {
            resumes_->hold(stream, messages.messages()[place]);
        }
        return 1;
    }
    const format::Form form = format::Form::unpack(connection.form());
    const format::StreamFormat& format = format::format_at(form.format);
    chunks_.clear();
    chunk_ends_.clear();
    const std::span<const std::string> prepared = messages.prepared(form.format);
    for (const std::uint32_t place : places) {
        format.append(chunks_, prepared[place], ++connection.messages, form.framing);
        chunk_ends_.push_back(static_cast<std::uint32_t>(chunks_.size()));
    }
    counters_.add(slot::WorkerCounter::kChunksGiven, places.size());
    // A stream that this closes is gone from the table; nothing else needs to be done.
    const bool is_open =
        connections_.write(stream, connection, connection::Chunks{chunks_, chunk_ends_});
    const std::size_t cost = 1 + chunks_.size() / kBytesOfASend + (is_open ? 0 : kSendsOfAClose);
    sends_left_ -= std::min(sends_left_, cost);
    return cost;
}

} // namespace zcomet::webnode::stream

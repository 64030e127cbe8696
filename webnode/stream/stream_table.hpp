// For each id, the list of its streams. A stream with one id is linked through its connection's
// record: it costs, in addition, the id's name, and nothing else is kept until a message comes. A
// stream with several ids has a record of its own for each of them.
#pragma once

#include "topology/base/check.hpp"
#include "topology/store/id_table.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/connection/connection_table.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace zcomet::webnode::stream {

/// A HISTORY asks for all of a stream's ids at once.
/// @limit ids of a stream
inline constexpr std::size_t kIdsOfStreamMax = 100;
static_assert(kIdsOfStreamMax <= wire::kHistoryIdsMax);

/// A place in the list of an id's streams, or kNoIndex after the last one.
using StreamPosition = std::uint32_t;

/// Thread: the worker's loop only.
class StreamTable {
  public:
    /// @param connections  the table whose connections become streams; lives longer than this.
    explicit StreamTable(connection::ConnectionTable& connections) : connections_(connections) {}
    StreamTable(const StreamTable&) = delete;
    StreamTable& operator=(const StreamTable&) = delete;

    /// Turns a connection into a stream. It must exist and be kReading. Calls
    /// `on_first(std::string_view id)` for each id whose first stream here this is.
    /// @param ids   1 to kIdsOfStreamMax valid ids, each once.
    /// @param form  how the stream is written: format::Form, packed.
    template <typename OnFirst>
    void park(connection::Handle handle, const wire::IdList& ids, std::uint8_t form,
              OnFirst&& on_first);

    /// Removes a stream from the lists of its ids. It must exist; its connection is removed next.
    /// Calls `on_last(std::string_view id)` for each id whose last stream here this was; the text
    /// is valid for the call.
    template <typename OnLast> void leave(connection::Handle handle, OnLast&& on_last);

    /// The id's index, for first_stream(); nothing if no stream has it.
    [[nodiscard]] std::optional<store::IdIndex> find_id(std::string_view id) const {
        return ids_.find(id);
    }
    /// The text of an id that has a stream.
    [[nodiscard]] std::string_view name(store::IdIndex id) const { return ids_.name(id); }

    /// Calls `visit(Handle, Connection&)` for streams of an id, from `position` on, in no special
    /// order, until they have cost `most`: each costs what `visit` returns, or 1. `visit` may close
    /// that stream, and no other.
    /// @return where to continue: kNoIndex after the last stream.
    template <typename Visit>
    [[nodiscard]] StreamPosition for_some_streams(StreamPosition position, std::size_t most,
                                                  Visit&& visit);
    /// The position where for_some_streams() begins.
    [[nodiscard]] StreamPosition first_stream(store::IdIndex id) const { return first_of_id_[id]; }

    /// From now on, until let_go(), `position` moves on when its stream is removed. Streams that
    /// open meanwhile come before every position.
    void hold(StreamPosition& position) { held_positions_.push_back(&position); }
    void let_go(StreamPosition& position) { std::erase(held_positions_, &position); }

    /// Calls `visit(std::string_view id)` for each id that has a stream. It must not change the
    /// table.
    template <typename Visit> void for_each_id(Visit&& visit) const;

    /// Calls `visit(std::string_view id)` for each id of a stream, in the order of park(). It must
    /// not change the table.
    template <typename Visit>
    void for_each_id_of(const connection::Connection& stream, Visit&& visit) const;

    /// Messages have numbers, which rise as they come to the worker.
    /// @return the number before that of the first of these.
    std::uint64_t number_messages(std::uint64_t count) {
        return std::exchange(last_number_, last_number_ + count);
    }
    /// Of a stream with several ids: the number of the last message that it was given, or that came
    /// before it opened.
    [[nodiscard]] std::uint64_t& last_number(const connection::Connection& stream) {
        return several_[stream.id()].last_number;
    }

    [[nodiscard]] std::uint32_t stream_count() const { return stream_count_; }
    /// How many streams have that id, which may be any text.   Cost: O(1).
    [[nodiscard]] std::uint32_t streams_of(std::string_view id) const {
        const auto known = ids_.find(id);
        return known ? prev_of(first_of_id_[*known]) : 0;
    }
    [[nodiscard]] std::uint32_t id_count() const { return ids_.size(); }
    /// Bytes used, without the allocator's overhead, and without the connections' records.
    [[nodiscard]] std::size_t memory_bytes() const {
        return first_of_id_.memory_bytes() + ids_.memory_bytes() + several_.memory_bytes() +
               links_.memory_bytes();
    }

  private:
    /// A stream with several ids.
    struct Several {
        std::uint64_t last_number;
        std::uint32_t first_link;
    };
    /// A stream with several ids, in the list of one of them.
    struct Link {
        std::uint32_t connection;
        store::IdIndex id;
        StreamPosition next; // as those of a connection
        StreamPosition prev;
        std::uint32_t next_link; // of the stream
    };
    /// A position is the index of a connection, or this and the index of a link.
    static constexpr StreamPosition kLinkBit = 1U << 31U;
    [[nodiscard]] static bool is_link(StreamPosition position) {
        return (position & kLinkBit) != 0;
    }

    [[nodiscard]] connection::Connection& begin(connection::Handle handle, std::uint8_t form);
    [[nodiscard]] store::IdTable::Interned intern(std::string_view id);
    [[nodiscard]] std::uint32_t add_link(std::uint32_t connection, store::IdIndex id);
    void link(StreamPosition position, store::IdIndex id);
    /// @return whether it was the id's last stream.
    [[nodiscard]] bool unlink(StreamPosition position, store::IdIndex id);
    [[nodiscard]] StreamPosition& next_of(StreamPosition position) {
        return is_link(position) ? links_[position & ~kLinkBit].next
                                 : connections_.at(position).next;
    }
    [[nodiscard]] StreamPosition& prev_of(StreamPosition position) {
        return const_cast<StreamPosition&>(std::as_const(*this).prev_of(position));
    }
    [[nodiscard]] const StreamPosition& prev_of(StreamPosition position) const {
        return is_link(position) ? links_[position & ~kLinkBit].prev
                                 : std::as_const(connections_).at(position).prev;
    }
    template <typename OnLast>
    void take_out(StreamPosition position, store::IdIndex id, OnLast&& on_last);

    connection::ConnectionTable& connections_;
    std::uint32_t stream_count_ = 0;
    std::uint64_t last_number_ = 0;
    store::IdTable ids_;
    store::ChunkedArray<StreamPosition>
        first_of_id_; // by IdIndex: head of the list of the id's streams
    store::Slab<Several> several_;
    store::Slab<Link> links_;
    std::vector<StreamPosition*> held_positions_; // few: those of messages to very many streams
};

template <typename OnFirst>
void StreamTable::park(connection::Handle handle, const wire::IdList& ids, std::uint8_t form,
                       OnFirst&& on_first) {
    connection::Connection& connection = begin(handle, form);
    const bool has_several = ids.count() > 1;
    if (has_several) {
        connection.set_several_ids(true);
        connection.set_id(several_.add(Several{last_number_, store::kNoIndex}));
    }
    std::uint32_t last_link = store::kNoIndex;
    ids.for_each([&](std::string_view id) {
        const store::IdTable::Interned interned = intern(id);
        if (!has_several) {
            connection.set_id(interned.index);
            link(handle.index, interned.index);
        } else {
            const std::uint32_t added = add_link(handle.index, interned.index);
            (last_link == store::kNoIndex ? several_[connection.id()].first_link
                                          : links_[last_link].next_link) = added;
            last_link = added;
        }
        if (interned.is_new) {
            on_first(id);
        }
    });
}

template <typename OnLast> void StreamTable::leave(connection::Handle handle, OnLast&& on_last) {
    const connection::Connection* connection = connections_.find(handle);
    ZCOMET_ASSERT(connection != nullptr && connection->parked());
    --stream_count_;
    if (!connection->has_several_ids()) {
        take_out(handle.index, connection->id(), on_last);
        return;
    }
    std::uint32_t index = several_[connection->id()].first_link;
    several_.release(connection->id());
    while (index != store::kNoIndex) {
        const Link link = links_[index];
        take_out(kLinkBit | index, link.id, on_last);
        links_.release(index);
        index = link.next_link;
    }
}

template <typename OnLast>
void StreamTable::take_out(StreamPosition position, store::IdIndex id, OnLast&& on_last) {
    if (unlink(position, id)) {
        on_last(ids_.name(id));
        ids_.release(id);
    }
}

template <typename Visit>
StreamPosition StreamTable::for_some_streams(StreamPosition position, std::size_t most,
                                             Visit&& visit) {
    for (std::size_t spent = 0; position != store::kNoIndex && spent < most;) {
        const std::uint32_t index =
            is_link(position) ? links_[position & ~kLinkBit].connection : position;
        connection::Connection& connection = connections_.at(index);
        const connection::Handle handle = connections_.handle_of(index);
        position = next_of(position); // read now: visit may close the stream
        if constexpr (std::is_void_v<decltype(visit(handle, connection))>) {
            visit(handle, connection);
            ++spent;
        } else {
            spent += visit(handle, connection);
        }
    }
    return position;
}

template <typename Visit> void StreamTable::for_each_id(Visit&& visit) const {
    for (store::IdIndex id = 0; id < ids_.index_bound(); ++id) {
        if (first_of_id_[id] != store::kNoIndex) {
            visit(ids_.name(id));
        }
    }
}

template <typename Visit>
void StreamTable::for_each_id_of(const connection::Connection& stream, Visit&& visit) const {
    if (!stream.has_several_ids()) {
        visit(ids_.name(stream.id()));
        return;
    }
    for (std::uint32_t index = several_[stream.id()].first_link; index != store::kNoIndex;
         index = links_[index].next_link) {
        visit(ids_.name(links_[index].id));
    }
}

} // namespace zcomet::webnode::stream

// For each id, the list of its streams, linked through their connections' records. A stream that is
// the only one of its id costs, in addition, the id's name; nothing else is kept until a message
// comes.
#pragma once

#include "topology/store/id_table.hpp"
#include "webnode/connection/connection_table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace zcomet::webnode::stream {

/// A place in the list of an id's streams: a stream, or kNoIndex after the last one.
using StreamPosition = std::uint32_t;

/// Thread: the worker's loop only.
///
/// A stream has one id. For streams with several ids, the links would move from the connections'
/// records into records of their own (connection, id, next and previous of the id, next of the
/// connection); the calls below would stay, and park() would be called once for each id.
class StreamTable {
  public:
    /// @param connections  the table whose connections become streams; lives longer than this.
    explicit StreamTable(connection::ConnectionTable& connections) : connections_(connections) {}
    StreamTable(const StreamTable&) = delete;
    StreamTable& operator=(const StreamTable&) = delete;

    /// Turns a connection into a stream of `id`, a valid id. It must exist and be kReading.
    /// @param form  how the stream is written: format::Form, packed.
    /// @return whether it is the id's first stream here.
    [[nodiscard]] bool park(connection::Handle handle, std::string_view id, std::uint8_t form);

    /// Removes a stream from the list of its id. It must exist; its connection is removed next.
    /// @return the id whose last stream this was; nothing if there are others.
    [[nodiscard]] std::optional<std::string> leave(connection::Handle handle);

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

    [[nodiscard]] std::uint32_t stream_count() const { return stream_count_; }
    [[nodiscard]] std::uint32_t id_count() const { return ids_.size(); }
    /// Bytes used, without the allocator's overhead, and without the connections' records.
    [[nodiscard]] std::size_t memory_bytes() const {
        return first_of_id_.memory_bytes() + ids_.memory_bytes();
    }

  private:
    void link(std::uint32_t index, store::IdIndex id);
    void unlink(const connection::Connection& connection);

    connection::ConnectionTable& connections_;
    std::uint32_t stream_count_ = 0;
    store::IdTable ids_;
    store::ChunkedArray<std::uint32_t>
        first_of_id_; // by IdIndex: head of the list of the id's streams
    std::vector<StreamPosition*> held_positions_; // few: those of messages to very many streams
};

template <typename Visit>
StreamPosition StreamTable::for_some_streams(StreamPosition position, std::size_t most,
                                             Visit&& visit) {
    for (std::size_t spent = 0; position != store::kNoIndex && spent < most;) {
        connection::Connection& connection = connections_.at(position);
        const connection::Handle handle = connections_.handle_of(position);
        position = connection.next; // read now: visit may close the stream
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

} // namespace zcomet::webnode::stream

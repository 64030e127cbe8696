// All connections of a worker in one flat table, and for each id the list of its streams. A parked
// stream is one Connection record and, if it is the only one of its id, the id's name; nothing else
// is kept for it until a message comes.
#pragma once

#include "topology/store/id_table.hpp"
#include "topology/store/slab.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::connection {

/// Names a connection for as long as it exists, and no other ever after: the slot is used again,
/// with another generation.
struct StreamHandle {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;

    /// For epoll_event.data.u64. Never below 2^32, since generations begin at 1: the small numbers
    /// are free for a loop's other descriptors.
    [[nodiscard]] std::uint64_t packed() const {
        return (std::uint64_t{generation} << 32U) | index;
    }
    [[nodiscard]] static StreamHandle unpack(std::uint64_t packed) {
        return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32U)};
    }
    friend bool operator==(const StreamHandle&, const StreamHandle&) = default;
};

enum class ConnectionState : std::uint8_t {
    kFree,    ///< the slot is empty
    kReading, ///< waits for a request, or for the rest of one
    kParked,  ///< a stream: waits for messages to its id
};

/// One slot of the table. What belongs to the table is private to it; the worker may change the
/// public members at will.
class Connection {
  public:
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] ConnectionState state() const { return state_; }
    [[nodiscard]] bool parked() const { return state_ == ConnectionState::kParked; }
    /// Parked only: whether messages go out in chunked framing.
    [[nodiscard]] bool chunked() const { return chunked_; }

    /// Messages this stream has been given so far: the N of the next one is this plus 1.
    std::uint32_t messages = 0;
    /// Index of the worker's record of what is under way for this connection (a half-read request,
    /// an Outbox), or kNoIndex, as for almost every stream. The table does not look at it.
    std::uint32_t pending = store::kNoIndex;

  private:
    friend class StreamTable;
    int fd_ = -1;
    std::uint32_t generation_ = 0;
    store::IdIndex id_ = 0;
    std::uint32_t next_ =
        store::kNoIndex; // parked: in the list of the id's streams; free: next free slot
    std::uint32_t prev_ = store::kNoIndex;
    ConnectionState state_ = ConnectionState::kFree;
    bool chunked_ = false;
};

/// Written down so that nobody makes a million streams dearer by accident.
inline constexpr std::size_t kConnectionBytesMax = 40;
static_assert(sizeof(Connection) <= kConnectionBytesMax);

/// A place in the list of an id's streams: a stream, or kNoIndex behind the last one.
using StreamPosition = std::uint32_t;

/// Thread: the worker's loop only. Owns no descriptor: whoever removes a connection closes it.
///
/// A stream has one id, whose list is linked through the Connection records. For streams with
/// several ids, these links would move into records of their own (connection, id, next and previous
/// of the id, next of the connection); the calls below would stay, with park() called once for each
/// id.
class StreamTable {
  public:
    /// What remove() leaves to be done.
    struct Removed {
        int fd = -1;
        std::uint32_t pending = store::kNoIndex;
        /// The id whose last stream this was, to be logged out; nothing if others are left.
        std::optional<std::string> freed_id;
    };

    /// A connection was accepted. Its state is kReading.
    [[nodiscard]] StreamHandle add(int fd);

    /// The connection, or nullptr if it is gone: the event or deadline is stale. The pointer is
    /// valid until the connection is removed.
    [[nodiscard]] Connection* find(StreamHandle handle);

    /// Turns a connection into a stream of `id`, a valid id. It must exist and be kReading.
    /// @return whether it is the id's first stream here: then log the id in.
    [[nodiscard]] bool park(StreamHandle handle, std::string_view id, bool chunked);

    /// Forgets a connection, which must exist.
    [[nodiscard]] Removed remove(StreamHandle handle);

    /// The id's index, for first_stream(); nothing if no stream has it.
    [[nodiscard]] std::optional<store::IdIndex> find_id(std::string_view id) const;

    /// The text of an id that has a stream.
    [[nodiscard]] std::string_view name(store::IdIndex id) const { return ids_.name(id); }

    /// Calls `visit(StreamHandle, Connection&)` for at most `most` streams of an id, from
    /// `position` on, in no special order. It may remove the stream it is called with, and no
    /// other.
    /// @return where to go on: kNoIndex after the last stream.
    template <typename Visit>
    [[nodiscard]] StreamPosition for_some_streams(StreamPosition position, std::size_t most,
                                                  Visit&& visit);
    /// Where for_some_streams() begins.
    [[nodiscard]] StreamPosition first_stream(store::IdIndex id) const { return first_of_id_[id]; }

    /// From now on, until let_go(), `position` moves on when its stream is removed. Streams that
    /// open meanwhile stand before every position.
    void hold(StreamPosition& position) { held_positions_.push_back(&position); }
    void let_go(StreamPosition& position) { std::erase(held_positions_, &position); }

    /// Calls `visit(std::string_view id)` for each id that has a stream. It must not change the
    /// table.
    template <typename Visit> void for_each_id(Visit&& visit) const;

    /// Calls `visit(StreamHandle, Connection&)` for each connection, whatever its state. It may
    /// remove the one it is called with, and no other.
    template <typename Visit> void for_each_connection(Visit&& visit);

    /// Calls `visit(const Connection&)` for the connections among `count` slots from `first` on. It
    /// must not change the table.
    template <typename Visit>
    void for_connections_in(std::uint32_t first, std::uint32_t count, Visit&& visit) const;
    /// All connections are in slots below this; 0 while there are none.
    [[nodiscard]] std::uint32_t slot_bound() const {
        return connection_count_ == 0 ? 0 : slots_used_;
    }

    [[nodiscard]] std::uint32_t connection_count() const { return connection_count_; }
    [[nodiscard]] std::uint32_t stream_count() const { return stream_count_; }
    [[nodiscard]] std::uint32_t id_count() const { return ids_.size(); }
    /// Bytes taken, without what the allocator adds.
    [[nodiscard]] std::size_t memory_bytes() const;

  private:
    [[nodiscard]] std::uint32_t take_slot();
    void free_slot(std::uint32_t index);
    void link(std::uint32_t index, store::IdIndex id);
    void unlink(std::uint32_t index);
    [[nodiscard]] StreamHandle handle_of(std::uint32_t index) const {
        return {index, connections_[index].generation_};
    }

    store::ChunkedArray<Connection> connections_;
    std::uint32_t slots_used_ = 0; // slots below this have been handed out at some time
    std::uint32_t first_free_ = store::kNoIndex;
    std::uint32_t last_generation_ = 0;
    std::uint32_t connection_count_ = 0;
    std::uint32_t stream_count_ = 0;
    store::IdTable ids_;
    store::ChunkedArray<std::uint32_t>
        first_of_id_; // by IdIndex: head of the list of the id's streams
    std::vector<StreamPosition*> held_positions_; // few: those of messages to very many streams
};

template <typename Visit>
StreamPosition StreamTable::for_some_streams(StreamPosition position, std::size_t most,
                                             Visit&& visit) {
    for (; position != store::kNoIndex && most > 0; --most) {
        Connection& connection = connections_[position];
        const StreamHandle handle = handle_of(position);
        position = connection.next_; // read now: visit may remove the stream
        visit(handle, connection);
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
void StreamTable::for_connections_in(std::uint32_t first, std::uint32_t count,
                                     Visit&& visit) const {
    const std::uint32_t end = std::min(slots_used_, first + count);
    for (std::uint32_t index = first; index < end; ++index) {
        const Connection& connection = connections_[index];
        if (connection.state_ != ConnectionState::kFree) {
            visit(connection);
        }
    }
}

template <typename Visit> void StreamTable::for_each_connection(Visit&& visit) {
    for (std::uint32_t index = 0; index < slots_used_; ++index) {
        Connection& connection = connections_[index];
        if (connection.state_ != ConnectionState::kFree) {
            visit(handle_of(index), connection);
        }
    }
}

} // namespace zcomet::webnode::connection

// All connections of a worker in one flat table, streams or not.
#pragma once

#include "topology/base/check.hpp"
#include "topology/store/slab.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace zcomet::webnode::connection {

/// Names a connection while it exists, and never another one: its slot is reused with another
/// generation.
struct Handle {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;

    /// For epoll_event.data.u64. Never below 2^32, since generations begin at 1: the small numbers
    /// are free for a loop's other descriptors.
    [[nodiscard]] std::uint64_t packed() const {
        return (std::uint64_t{generation} << 32U) | index;
    }
    [[nodiscard]] static Handle unpack(std::uint64_t packed) {
        return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32U)};
    }
    friend bool operator==(const Handle&, const Handle&) = default;
};

enum class ConnectionState : std::uint8_t {
    kFree,    ///< the slot is empty
    kReading, ///< takes requests and writes their answers
    kParked,  ///< a stream: it waits for messages to its id
};

/// What the last round of stream::SignsOfLife left at a connection.
enum class Quiet : std::uint8_t {
    kNo,        ///< something was written since
    kSinceThen, ///< nothing was
    kSinceSign, ///< nothing was, and that round wrote a sign of life
};

/// One slot of the table.
class Connection {
  public:
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] ConnectionState state() const { return state_; }
    [[nodiscard]] bool parked() const { return state_ == ConnectionState::kParked; }
    /// Makes it a stream. It must be kReading, and without an input record.
    void park(std::uint8_t form) {
        ZCOMET_ASSERT(state_ == ConnectionState::kReading && input_or_id_ == store::kNoIndex);
        state_ = ConnectionState::kParked;
        form_ = form;
    }
    /// Makes a stream, which is in no list any more, a connection that waits for a request.
    void unpark() {
        ZCOMET_ASSERT(parked());
        state_ = ConnectionState::kReading;
        is_catching_up_ = false;
        has_several_ids_ = false;
        input_or_id_ = store::kNoIndex;
        next = store::kNoIndex;
        prev = store::kNoIndex;
    }
    /// Parked only: how the stream is written, packed into a byte by the caller of park().
    [[nodiscard]] std::uint8_t form() const { return form_; }

    /// Of no meaning here: what the caller of ConnectionTable::add() gave.
    [[nodiscard]] std::uint16_t origin() const { return origin_; }
    void set_origin(std::uint16_t origin) { origin_ = origin; }

    /// Index of the Output record, or kNoIndex, which nearly every stream has.
    std::uint32_t output = store::kNoIndex;
    /// Whether the descriptor is in the epoll set.
    [[nodiscard]] bool is_watched() const { return is_watched_; }
    void set_watched(bool is_watched) { is_watched_ = is_watched; }

    [[nodiscard]] Quiet quiet() const { return quiet_; }
    void set_quiet(Quiet quiet) { quiet_ = quiet; }

    /// Parked: its messages go to stream::Resumes.
    [[nodiscard]] bool is_catching_up() const { return is_catching_up_; }
    void set_catching_up(bool is_catching_up) { is_catching_up_ = is_catching_up; }
    /// Parked: the table of streams keeps records of its own for the stream's ids.
    [[nodiscard]] bool has_several_ids() const { return has_several_ids_; }
    void set_several_ids(bool has_several_ids) { has_several_ids_ = has_several_ids; }

    /// Messages given to this stream so far; the next one has the number N = messages + 1.
    std::uint32_t messages = 0;

    /// Not parked: index of the reader's record, or kNoIndex. Such a connection has no id, so both
    /// are stored in one place.
    [[nodiscard]] std::uint32_t input() const { return parked() ? store::kNoIndex : input_or_id_; }
    void set_input(std::uint32_t index) {
        ZCOMET_ASSERT(!parked());
        input_or_id_ = index;
    }
    /// Parked: the index of the stream's id, and the stream's neighbours in the list of its id:
    /// `next` of the last is kNoIndex, and `prev` of the first is the list's length. With several
    /// ids, the index of the record that names them, and no neighbours. Only the table of streams
    /// uses them.
    [[nodiscard]] std::uint32_t id() const { return input_or_id_; }
    void set_id(std::uint32_t index) { input_or_id_ = index; }
    std::uint32_t next = store::kNoIndex; // of a free slot: the next free slot
    std::uint32_t prev = store::kNoIndex;

  private:
    friend class ConnectionTable;
    int fd_ = -1;
    std::uint32_t generation_ = 0;
    std::uint32_t input_or_id_ = store::kNoIndex;
    ConnectionState state_ : 3 = ConnectionState::kFree;
    bool has_several_ids_ : 1 = false;
    bool is_catching_up_ : 1 = false;
    Quiet quiet_ : 2 = Quiet::kNo;
    bool is_watched_ : 1 = false;
    std::uint8_t form_ = 0;
    std::uint16_t origin_ = 0;
};

/// Checked, so that nobody makes a million streams more expensive by accident.
inline constexpr std::size_t kConnectionBytesMax = 40;
static_assert(sizeof(Connection) <= kConnectionBytesMax);

/// Thread: the worker's loop only. Owns no descriptor: the caller closes them.
class ConnectionTable {
  public:
    /// A connection was accepted. Its state is kReading.
    [[nodiscard]] Handle add(int fd, std::uint16_t origin = 0);

    /// The connection, or nullptr if it is gone: the event or deadline is stale. The pointer is
    /// valid until the connection is removed.
    [[nodiscard]] Connection* find(Handle handle);

    /// Forgets a connection, which must exist.
    void remove(Handle handle);

    /// The slot of an existing connection.
    [[nodiscard]] Connection& at(std::uint32_t index) { return connections_[index]; }
    [[nodiscard]] const Connection& at(std::uint32_t index) const { return connections_[index]; }
    [[nodiscard]] Handle handle_of(std::uint32_t index) const {
        return {index, connections_[index].generation_};
    }

    /// Calls `visit(Handle, Connection&)` for each connection in any state. `visit` may remove that
    /// connection, and no other.
    template <typename Visit> void for_each_connection(Visit&& visit) {
        for_connections_in(0, UINT32_MAX, visit);
    }
    /// The same for the connections among `count` slots from `first` on.
    template <typename Visit>
    void for_connections_in(std::uint32_t first, std::uint32_t count, Visit&& visit);
    /// All connections are in slots below this; 0 while there are none.
    [[nodiscard]] std::uint32_t slot_bound() const {
        return connection_count_ == 0 ? 0 : slots_used_;
    }

    /// Generation of the newest connection: a handle with a later one is of a younger connection.
    [[nodiscard]] std::uint32_t last_generation() const { return last_generation_; }

    [[nodiscard]] std::uint32_t connection_count() const { return connection_count_; }
    /// Bytes used, without the allocator's overhead.
    [[nodiscard]] std::size_t memory_bytes() const { return connections_.memory_bytes(); }

  private:
    [[nodiscard]] std::uint32_t take_slot();

    store::ChunkedArray<Connection> connections_;
    std::uint32_t slots_used_ = 0; // slots below this have been handed out at some time
    std::uint32_t first_free_ = store::kNoIndex;
    std::uint32_t last_generation_ = 0;
    std::uint32_t connection_count_ = 0;
};

template <typename Visit>
void ConnectionTable::for_connections_in(std::uint32_t first, std::uint32_t count, Visit&& visit) {
    for (std::uint32_t n = 0; n < count && slots_used_ > first && n < slots_used_ - first; ++n) {
        Connection& connection = connections_[first + n];
        if (connection.state_ != ConnectionState::kFree) {
            visit(handle_of(first + n), connection);
        }
    }
}

} // namespace zcomet::webnode::connection

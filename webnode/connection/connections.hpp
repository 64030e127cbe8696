// The sockets of a worker's connections: the table of them, what is under way for the few that have
// something under way, writing, closing.
//
// Which descriptors are in the epoll set: a parked stream's always; that of a connection whose
// request is being read once there is a Pending record for it. So a stream whose request was whole
// at the first read costs one epoll_ctl() in its life.
#pragma once

#include "topology/base/time.hpp"
#include "topology/http/request_reader.hpp"
#include "topology/loop/epoll.hpp"
#include "topology/store/slab.hpp"
#include "webnode/connection/outbox.hpp"
#include "webnode/connection/slow_policy.hpp"
#include "webnode/connection/stream_table.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zcomet::webnode::connection {

/// What a connection waits for.
enum class Waiting : std::uint8_t {
    kRequest, ///< the first request, or the rest of one
    kIdle,    ///< the next request
    kFlush,   ///< for the browser to read the last of its answer; then it is closed
    kLinger,  ///< the answer is out; what still comes is thrown away, so that no reset destroys it
};

/// Exists only for connections that are not just parked with nothing to write.
struct Pending {
    std::string request; ///< the beginning of a request
    http::RequestReader reader;
    Outbox outbox;
    Time deadline = kNever; ///< of the present wait; see DeadlineQueue
    Waiting waiting = Waiting::kRequest;
    bool is_slow = false; ///< has missed messages since the socket last took everything
};

/// Whole messages in a row, in the form in which they go to one stream.
struct Chunks {
    std::string_view bytes;
    std::span<const std::uint32_t> ends; ///< of each message, as offsets in `bytes`
};

/// How much is kept for those who do not read, and what becomes of them past that.
struct SlowReaders {
    /// A stream for which more than this is kept back is closed when there is still more to write.
    /// So at most this and one batch are kept for each: a batch that is larger than the socket's
    /// buffer is no sign of a slow browser.
    std::size_t bytes_max = 65'536;
    /// For messages to streams. Whoever does not read other answers is closed.
    SlowPolicy policy = SlowPolicy::kClose;
};

/// Why a connection is closed; what is counted follows from it.
enum class CloseReason : std::uint8_t {
    kDone,     ///< its answer is written
    kPeer,     ///< the browser went away
    kVanished, ///< the browser does not acknowledge what is sent, or probes
    kSlow,     ///< the browser does not read
    kDeadline, ///< the request took too long
    kNoRoom,   ///< the kernel would not watch it
};

/// Thread: the worker's loop only.
class Connections {
  public:
    /// Called with an id whose last stream was closed.
    using LogOut = std::function<void(std::string_view id)>;

    Connections(loop::Epoll& epoll, metrics::Counters<slot::WorkerCounter>& counters,
                SlowReaders slow, LogOut log_out);
    ~Connections();
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    [[nodiscard]] StreamTable& table() { return table_; }
    [[nodiscard]] const StreamTable& table() const { return table_; }
    [[nodiscard]] Pending* pending(const Connection& connection);

    /// Gives a connection that is not parked a Pending record, if it has none, and watches it.
    /// @return nullptr if that failed: the connection is closed.
    [[nodiscard]] Pending* wait(StreamHandle handle, Connection& connection);

    enum class Parked : std::uint8_t { kFirstOfId, kAnotherOfId, kClosed };
    /// Makes a stream of it and frees the memory of its request.
    [[nodiscard]] Parked park(StreamHandle handle, std::string_view id, bool chunked);

    /// Writes, or keeps back what the socket does not take.
    /// @return false if the connection had to be closed.
    [[nodiscard]] bool write(StreamHandle handle, Connection& connection, std::string_view bytes);
    /// The same for messages to a stream; of one that is slow, some may be dropped. Counts what
    /// becomes of each message.
    [[nodiscard]] bool write(StreamHandle handle, Connection& connection, const Chunks& chunks);

    /// The socket can take more. @return false if the connection was closed.
    [[nodiscard]] bool flush(StreamHandle handle, Connection& connection);

    /// Asks epoll to report once more what may be left to read.
    void read_again_later(StreamHandle handle, const Connection& connection);

    /// Throws away what the browser sent, up to a budget.
    /// @return false if the connection was closed, because the browser had ended it.
    [[nodiscard]] bool discard_input(StreamHandle handle, Connection& connection);

    void close(StreamHandle handle, CloseReason reason);
    /// As close(), for a connection whose socket has failed with `error` (errno, SO_ERROR).
    void close_failed(StreamHandle handle, int error);

    /// Bytes kept back in all outboxes.
    [[nodiscard]] std::size_t pending_bytes() const { return pending_bytes_; }

  private:
    /// Writes past the outbox, which is empty. @return how many bytes the socket took; nothing if
    /// the connection was closed.
    [[nodiscard]] std::optional<std::size_t>
    send_now(StreamHandle handle, const Connection& connection, std::string_view bytes);
    [[nodiscard]] bool keep_back(StreamHandle handle, Connection& connection,
                                 std::string_view bytes);
    /// Keeps back all of `chunks` but the first `taken` bytes.
    [[nodiscard]] bool keep_back(StreamHandle handle, Connection& connection, const Chunks& chunks,
                                 std::size_t taken);
    void append_chunks(Pending& waiting, const Chunks& chunks, std::size_t taken);
    /// The connection's record, made if there is none. nullptr: the connection was closed.
    [[nodiscard]] Pending* record_of(StreamHandle handle, Connection& connection);
    /// Whether more may be kept back. @return false if the connection was closed.
    [[nodiscard]] bool has_room(StreamHandle handle, const Connection& connection,
                                Pending& waiting);
    /// Drops what has to go for `bytes` more. @return false if the connection was closed.
    [[nodiscard]] bool make_room(StreamHandle handle, const Connection& connection,
                                 Pending& waiting, std::size_t bytes);
    /// Writes of the outbox what the socket takes. @return false if the connection was closed.
    [[nodiscard]] bool send_outbox(StreamHandle handle, const Connection& connection,
                                   Pending& waiting);
    void watch_for_room(StreamHandle handle, const Connection& connection, bool was_empty);
    void release_pending(Connection& connection);
    void count_close(CloseReason reason);
    void count_dropped(Pending& waiting, std::size_t messages);
    void set_chunks_pending(std::uint64_t chunks);

    loop::Epoll& epoll_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    SlowReaders slow_;
    LogOut log_out_;
    StreamTable table_;
    store::Slab<Pending> pending_;
    std::size_t pending_bytes_ = 0;
    std::uint64_t chunks_pending_ = 0; // messages in all outboxes
};

} // namespace zcomet::webnode::connection

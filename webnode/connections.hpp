// The sockets of a worker's connections: the table of them, what is under way for the few that have
// something under way, writing, closing.
//
// Which descriptors are in the epoll set: a parked stream's always; that of a connection whose
// request is being read once there is a Pending record for it. So a stream whose request was whole
// at the first read costs one epoll_ctl() in its life.
#pragma once

#include "topology/slab.hpp"
#include "topology/time.hpp"
#include "webnode/epoll.hpp"
#include "webnode/outbox.hpp"
#include "webnode/request_reader.hpp"
#include "webnode/stream_table.hpp"
#include "webnode/worker_counters.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace zcomet {

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
    RequestReader reader;
    Outbox outbox;
    Time deadline = kNever; ///< of the present wait; see DeadlineQueue
    Waiting waiting = Waiting::kRequest;
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

    /// @param outbox_bytes_max  a connection for which more than this is kept back is closed when
    ///     there is still more to write. So at most this and one batch are kept for each: a batch
    ///     that is larger than the socket's buffer is no sign of a slow browser.
    Connections(Epoll& epoll, Counters<WorkerCounter>& counters, std::size_t outbox_bytes_max,
                LogOut log_out);
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
    [[nodiscard]] bool keep_back(StreamHandle handle, Connection& connection,
                                 std::string_view bytes);
    /// Writes of the outbox what the socket takes. @return false if the connection was closed.
    [[nodiscard]] bool send_outbox(StreamHandle handle, const Connection& connection,
                                   Pending& waiting);
    void release_pending(Connection& connection);
    void count_close(CloseReason reason);

    Epoll& epoll_;
    Counters<WorkerCounter>& counters_;
    std::size_t outbox_bytes_max_;
    LogOut log_out_;
    StreamTable table_;
    Slab<Pending> pending_;
    std::size_t pending_bytes_ = 0;
};

} // namespace zcomet

// The sockets of a worker's connections: writing, keeping bytes that a socket does not take,
// closing. Reading is done elsewhere.
//
// A stream's descriptor is always in the epoll set. Another connection's is in the set once it has
// waited for something to read or to write. So a stream whose request was complete at the first
// read costs one epoll_ctl() in its life.
#pragma once

#include "topology/loop/epoll.hpp"
#include "topology/store/slab.hpp"
#include "webnode/connection/connection_table.hpp"
#include "webnode/connection/deadline_queue.hpp"
#include "webnode/connection/outbox.hpp"
#include "webnode/connection/secured.hpp"
#include "webnode/connection/slow_policy.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::connection {

/// Bytes that wait to be written. Only a connection with waiting bytes has one.
struct Output {
    Outbox outbox;
    /// On a TLS port, in front of the outbox: records that the socket did not take yet, and how
    /// many messages end in them. A record is made once only, so nothing of it can be dropped any
    /// more.
    std::string sealed{};
    std::size_t sealed_messages = 0;
    bool is_slow = false;     ///< has missed messages since the socket last took everything
    bool is_last = false;     ///< close the connection once this is written
    bool is_farewell = false; ///< the end of a stream that its browser is to open elsewhere
    /// While more than SlowReaders::bytes_max is kept: when the browser must have read something,
    /// whether it has since the last look, and how much the kernel held for it then.
    Time look_at = kNever;
    bool has_read = false;
    std::uint32_t kernel_bytes = 0;
};

/// Whole messages in a row, in the form in which one stream gets them.
struct Chunks {
    std::string_view bytes;
    std::span<const std::uint32_t> ends; ///< of each message, as offsets in `bytes`
};

/// When a stream's browser is slow, and what happens then. The bounds hold when there is more to
/// write: so a batch beside is kept, since one that is larger than the socket's buffer does not
/// mean that the browser is slow.
struct SlowReaders {
    /// A stream with more than this kept is slow: under the policy kClose once it has not read for
    /// `patience`, under the others at once. A connection with more than this of another answer is
    /// closed at once.
    /// @limit bytes kept for a stream that does not read, and a batch beside (`--stream-buffer`)
    std::size_t bytes_max = 65'536;
    SlowPolicy policy = SlowPolicy::kClose;
    /// A browser that pauses for a moment during a burst gets it all. 0: none has that time.
    /// @limit time that a stream with more than that has until it reads (`--slow-after`)
    std::chrono::seconds patience = 5s;
    /// A stream with more than this kept has no time left.
    /// @limit bytes kept for a stream that has time to read (`--stream-burst`)
    std::size_t burst_bytes_max = 16U << 20U;
    /// Of all connections. Once they have half of it, none has time until they have less than an
    /// eighth; with all of it, a connection is closed, under every policy, when its socket does not
    /// take all that there is.
    /// @limit bytes kept for all streams of a worker (`--stream-memory`)
    std::size_t sum_bytes_max = 128U << 20U;
};

/// Why a connection is closed; decides what is counted.
enum class CloseReason : std::uint8_t {
    kDone,     ///< its answer is written
    kPeer,     ///< the browser went away
    kVanished, ///< the browser acknowledges neither messages nor probes
    kSlow,     ///< the browser does not read
    kDeadline, ///< the request took too long
    kNoRoom,   ///< the kernel would not watch it
};

[[nodiscard]] constexpr std::string_view name_of(CloseReason reason) {
    constexpr std::array<std::string_view, 6> kNames{"done", "peer",     "vanished",
                                                     "slow", "deadline", "no-room"};
    return kNames[static_cast<std::size_t>(reason)];
}

/// Is called for each connection that closes, while it still exists and its descriptor is open.
class CloseListener {
  public:
    CloseListener() = default;
    virtual ~CloseListener() = default;
    CloseListener(const CloseListener&) = delete;
    CloseListener& operator=(const CloseListener&) = delete;

    /// Must neither write to the connection nor close it.
    virtual void on_close(Handle handle, Connection& connection) = 0;
};

/// What an operator may want to know of a connection, beside its end.
enum class Incident : std::uint8_t {
    kMissing, ///< a stream that has not read begins to miss messages
    kShed,    ///< its request was ended, as all unfinished ones together were too large
    kInput,   ///< a stream was ended, as its browser has sent too much
    kRefused, ///< its request was answered by a status of 400 to 499
    kTls,     ///< its TLS handshake failed
    kCount
};

/// Hears what happens to connections, for logs. Must neither write to them nor close them.
class ConnectionLog {
  public:
    ConnectionLog() = default;
    virtual ~ConnectionLog() = default;
    ConnectionLog(const ConnectionLog&) = delete;
    ConnectionLog& operator=(const ConnectionLog&) = delete;

    /// Before the listeners hear of it: a stream still has its id.
    virtual void on_closing(Handle handle, const Connection& connection, CloseReason reason) = 0;
    /// It has become a stream.
    virtual void on_opened(Handle handle, const Connection& connection) = 0;
    /// @param status  of kRefused.
    virtual void on_incident(const Connection& connection, Incident incident, int status) = 0;
};

/// Thread: the worker's loop only.
class Connections {
  public:
    /// @param clock  is looked at for streams that are behind.
    Connections(loop::Epoll& epoll, metrics::Counters<slot::WorkerCounter>& counters,
                SlowReaders slow, std::function<Time()> clock = Clock::now);
    ~Connections();
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    /// `listener` hears of connections that close, until it is removed.
    void add_listener(CloseListener& listener) { listeners_.push_back(&listener); }
    void remove_listener(CloseListener& listener) { std::erase(listeners_, &listener); }

    /// From now on. A stream that is behind already keeps the time that it has.
    void set_slow(const SlowReaders& slow) {
        slow_ = slow;
        behind_.set_delay(slow.patience);
    }

    /// From now on, for new connections: they speak TLS. `secured` lives longer than this.
    void secure(Secured& secured) { secured_ = &secured; }
    [[nodiscard]] bool is_secured() const { return secured_ != nullptr; }
    [[nodiscard]] const Secured& secured() const { return *secured_; }
    /// Whether it speaks TLS, and its handshake is not made.
    [[nodiscard]] bool awaits_handshake(Handle handle) const {
        return secured_ != nullptr && !secured_->is_open(handle.index);
    }
    /// Frees the handshake of a connection that is about to end. What is written is thrown away.
    void give_handshake_up(Handle handle) {
        if (secured_->is_shaking_hands(handle.index)) {
            secured_->forget(handle.index);
        }
    }
    /// Why the last handshake failed; empty: none has.
    [[nodiscard]] const std::string& tls_failure() const { return tls_failure_; }

    /// `log` lives longer than this.
    void set_log(ConnectionLog& log) { log_ = &log; }

    /// For the log.
    void note_opened(Handle handle, const Connection& connection) {
        if (log_ != nullptr) {
            log_->on_opened(handle, connection);
        }
    }
    /// A stream is over whose connection stays for a while.
    void note_over(Handle handle, const Connection& connection) {
        if (log_ != nullptr) {
            log_->on_closing(handle, connection, CloseReason::kDone);
        }
    }
    void note(const Connection& connection, Incident incident, int status = 0) {
        if (log_ != nullptr) {
            log_->on_incident(connection, incident, status);
        }
    }

    [[nodiscard]] ConnectionTable& table() { return table_; }
    [[nodiscard]] const ConnectionTable& table() const { return table_; }

    /// Puts the descriptor into the epoll set, if it is not there.
    /// @return false if that failed: the connection is closed.
    [[nodiscard]] bool watch(Handle handle, Connection& connection);

    /// Whether something waits to be written.
    [[nodiscard]] bool has_output(const Connection& connection) const {
        return connection.output != store::kNoIndex;
    }
    /// What waits to be written is the end of a stream: should it not be written, that counts in
    /// kStreamsCut. Without effect where nothing waits.
    void mark_farewell(const Connection& connection) {
        if (has_output(connection)) {
            outputs_[connection.output].is_farewell = true;
        }
    }
    /// Closes the connection (kDone) once all is written, which may be now.
    void close_when_written(Handle handle, Connection& connection);

    /// Writes; keeps the bytes that the socket does not take.
    /// @return false if the connection had to be closed.
    [[nodiscard]] bool write(Handle handle, Connection& connection, std::string_view bytes);
    /// The same for messages to a stream; if it is slow, some may be dropped. Counts each message
    /// by what happens to it.
    [[nodiscard]] bool write(Handle handle, Connection& connection, const Chunks& chunks);

    /// The socket can take more. @return false if the connection was closed.
    [[nodiscard]] bool flush(Handle handle, Connection& connection);

    /// Of a secured connection: takes what was read, and writes what the protocol answers.
    /// @param turn  the time at which the turn of the loop began.
    /// @return nothing if the connection was closed.
    [[nodiscard]] std::optional<Secured::Received> decrypt(Handle handle, Connection& connection,
                                                           std::string_view bytes, Time turn);
    /// Writes what Secured has held back to go out with an answer, if there was none.
    /// @return false if the connection was closed.
    [[nodiscard]] bool write_held(Handle handle, Connection& connection) {
        return secured_ == nullptr ||
               write_raw(handle, connection, secured_->take_held(handle.index));
    }
    /// Writes bytes that are not encrypted, whatever the port speaks; keeps those that the socket
    /// does not take. @return false if the connection was closed.
    [[nodiscard]] bool write_raw(Handle handle, Connection& connection, std::string_view bytes);
    /// Ends our half of a connection that has nothing to be written. The browser may send more.
    void end_output(Handle handle, const Connection& connection);

    /// Makes epoll report once more that there may be something to read.
    void read_again_later(Handle handle, const Connection& connection);

    /// Whether the socket has something to read. Closing it then would send a reset.
    [[nodiscard]] static bool has_input(const Connection& connection);

    /// Reads and discards what the browser sent, up to a budget.
    /// @return false if the connection was closed, because the browser had ended it.
    [[nodiscard]] bool discard_input(Handle handle, Connection& connection);

    void close(Handle handle, CloseReason reason);
    /// As close(), for a connection whose socket has failed with `error` (errno, SO_ERROR).
    void close_failed(Handle handle, int error);

    /// Closes streams that have been behind for too long without reading.
    void sweep(Time now);
    /// When sweep() next has something to do.
    [[nodiscard]] Time due() const { return behind_.due(); }

    /// Bytes kept in all outboxes, and records that wait.
    [[nodiscard]] std::size_t pending_bytes() const { return pending_bytes_; }

  private:
    /// Writes directly: the outbox must be empty. @return how many bytes the socket took; nothing
    /// if the connection was closed.
    [[nodiscard]] std::optional<std::size_t> send_now(Handle handle, Connection& connection,
                                                      std::string_view bytes);
    /// The same to the socket itself.
    [[nodiscard]] std::optional<std::size_t> send_raw(Handle handle, const Connection& connection,
                                                      std::string_view bytes);
    /// The same, encrypted: "took" means that it is in records, of which the rest may be kept.
    [[nodiscard]] std::optional<std::size_t> send_sealed(Handle handle, Connection& connection,
                                                         std::string_view bytes);
    /// Writes records that were kept. @return false if the connection was closed.
    [[nodiscard]] bool send_rest(Handle handle, const Connection& connection, Output& output);
    /// Says that our half ends, if the socket takes it.
    void say_end(Handle handle, const Connection& connection);
    /// Whether records wait.
    [[nodiscard]] bool has_rest(const Connection& connection) const {
        return has_output(connection) && !outputs_[connection.output].sealed.empty();
    }
    /// Messages that are in records now: they count as written when the socket has the records.
    void count_sealed(const Connection& connection, std::size_t messages);
    [[nodiscard]] bool keep_back(Handle handle, Connection& connection, std::string_view bytes);
    /// Keeps all of `chunks` but the first `taken` bytes.
    [[nodiscard]] bool keep_back(Handle handle, Connection& connection, const Chunks& chunks,
                                 std::size_t taken);
    void append_chunks(const Connection& connection, Output& output, const Chunks& chunks,
                       std::size_t taken);
    /// The connection's record, made if there is none. nullptr: the connection was closed, as the
    /// kernel would not watch it, or as all of sum_bytes_max is taken.
    [[nodiscard]] Output* output_of(Handle handle, Connection& connection);
    /// How much may be kept for a stream under the policy kClose, for now.
    [[nodiscard]] std::size_t stream_bytes_max();
    [[nodiscard]] bool is_full() const { return pending_bytes_ >= slow_.sum_bytes_max; }
    /// Whether more bytes may be kept: at most `bytes_max` are. @return false if the connection was
    /// closed.
    [[nodiscard]] bool has_room(Handle handle, Connection& connection, Output& output,
                                std::size_t bytes_max);
    /// The stream has more kept than it should: it has to read something.
    void begin_to_watch(Handle handle, const Connection& connection, Output& output);
    void look(Handle handle, const Connection& connection, Output& output);
    /// Drops messages to make room for `bytes` more. @return false if the connection was closed.
    [[nodiscard]] bool make_room(Handle handle, Connection& connection, Output& output,
                                 std::size_t bytes);
    /// Writes as much of the outbox as the socket takes. @return false if the connection was
    /// closed.
    [[nodiscard]] bool send_outbox(Handle handle, Connection& connection, Output& output);
    void watch_for_room(Handle handle, const Connection& connection, bool was_empty);
    void release_output(Connection& connection);
    void count_close(CloseReason reason);
    void count_dropped(const Connection& connection, Output& output, std::size_t messages);
    void set_chunks_pending(std::uint64_t chunks);

    loop::Epoll& epoll_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    SlowReaders slow_;
    std::function<Time()> clock_;
    DeadlineQueue behind_; // streams with more than bytes_max kept
    std::vector<CloseListener*> listeners_;
    ConnectionLog* log_ = nullptr;
    Secured* secured_ = nullptr; // nullptr: this port does not speak TLS
    std::string tls_failure_;
    ConnectionTable table_;
    store::Slab<Output> outputs_;
    std::size_t pending_bytes_ = 0;
    bool is_crowded_ = false;          // no stream has time
    std::uint64_t chunks_pending_ = 0; // messages in all outboxes, and in records that wait
};

} // namespace zcomet::webnode::connection

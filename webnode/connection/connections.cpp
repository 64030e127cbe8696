#include "webnode/connection/connections.hpp"

#include "topology/base/check.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace zcomet::webnode::connection {

namespace {

/// Edge-triggered: a stream that has data waiting, or nothing to write, costs no further wake-ups.
/// EPOLLRDHUP means that the browser has ended its half of the connection. Browsers do so when they
/// leave; a client that only closes its sending half (`printf … | nc`) is treated alike, since
/// nothing distinguishes it.
constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kReadWriteEvents = kReadEvents | EPOLLOUT;

/// Reads of thrown-away input for one event. A browser has nothing to say on an open stream, so
/// more than this is somebody's mistake or mischief and waits its turn.
constexpr int kDiscardReadsMax = 4;
constexpr std::size_t kDiscardBytes = 16'384;

/// The kernel forgets what it holds for a browser that does not read, instead of offering it for as
/// long as the time of --vanished-after.
void reset_on_close(int fd) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace

Connections::Connections(loop::Epoll& epoll, metrics::Counters<slot::WorkerCounter>& counters,
                         SlowReaders slow, LogOut log_out)
    : epoll_(epoll), counters_(counters), slow_(slow), log_out_(std::move(log_out)) {}

Connections::~Connections() {
    table_.for_each_connection(
        [](StreamHandle, const Connection& connection) { ::close(connection.fd()); });
}

Pending* Connections::pending(const Connection& connection) {
    return connection.pending == store::kNoIndex ? nullptr : &pending_[connection.pending];
}

Pending* Connections::wait(StreamHandle handle, Connection& connection) {
    ZCOMET_ASSERT(!connection.parked());
    if (connection.pending == store::kNoIndex) {
        if (!epoll_.add(connection.fd(), kReadEvents, handle.packed())) {
            close(handle, CloseReason::kNoRoom);
            return nullptr;
        }
        connection.pending = pending_.add();
    }
    return &pending_[connection.pending];
}

Connections::Parked Connections::park(StreamHandle handle, std::string_view id, bool chunked) {
    Connection& connection = *table_.find(handle);
    Pending* waiting = pending(connection);
    if (waiting == nullptr && !epoll_.add(connection.fd(), kReadEvents, handle.packed())) {
        close(handle, CloseReason::kNoRoom);
        return Parked::kClosed;
    }
    if (waiting != nullptr && waiting->outbox.empty()) {
        release_pending(connection);
    } else if (waiting != nullptr) {
        waiting->request = std::string();
        waiting->deadline = kNever;
    }
    return table_.park(handle, id, chunked) ? Parked::kFirstOfId : Parked::kAnotherOfId;
}

bool Connections::write(StreamHandle handle, Connection& connection, std::string_view bytes) {
    const Pending* waiting = pending(connection);
    if (waiting != nullptr && !waiting->outbox.empty()) {
        return keep_back(handle, connection, bytes);
    }
    const auto taken = send_now(handle, connection, bytes);
    return taken && (*taken == bytes.size() || keep_back(handle, connection, bytes.substr(*taken)));
}

bool Connections::write(StreamHandle handle, Connection& connection, const Chunks& chunks) {
    const Pending* waiting = pending(connection);
    if (waiting != nullptr && !waiting->outbox.empty()) {
        return keep_back(handle, connection, chunks, 0);
    }
    const auto taken = send_now(handle, connection, chunks.bytes);
    if (!taken) {
        counters_.add(slot::WorkerCounter::kChunksDropped, chunks.ends.size());
        return false;
    }
    if (*taken < chunks.bytes.size()) {
        return keep_back(handle, connection, chunks, *taken);
    }
    counters_.add(slot::WorkerCounter::kChunksWritten, chunks.ends.size());
    return true;
}

std::optional<std::size_t> Connections::send_now(StreamHandle handle, const Connection& connection,
                                                 std::string_view bytes) {
    const ssize_t sent =
        ::send(connection.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        close_failed(handle, errno);
        return std::nullopt;
    }
    const auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    counters_.add(slot::WorkerCounter::kBytesWritten, taken);
    return taken;
}

bool Connections::keep_back(StreamHandle handle, Connection& connection, std::string_view bytes) {
    Pending* waiting = record_of(handle, connection);
    if (waiting == nullptr || !has_room(handle, connection, *waiting)) {
        return false;
    }
    const bool was_empty = waiting->outbox.empty();
    waiting->outbox.append(bytes);
    pending_bytes_ += bytes.size();
    watch_for_room(handle, connection, was_empty);
    return true;
}

bool Connections::keep_back(StreamHandle handle, Connection& connection, const Chunks& chunks,
                            std::size_t taken) {
    const auto whole = static_cast<std::size_t>(
        std::upper_bound(chunks.ends.begin(), chunks.ends.end(), taken) - chunks.ends.begin());
    counters_.add(slot::WorkerCounter::kChunksWritten, whole);
    ZCOMET_ASSERT(connection.parked()); // so that there is a record
    Pending* waiting = record_of(handle, connection);
    const bool is_open = slow_.policy == SlowPolicy::kClose
                             ? has_room(handle, connection, *waiting)
                             : make_room(handle, connection, *waiting, chunks.bytes.size() - taken);
    if (!is_open) {
        counters_.add(slot::WorkerCounter::kChunksDropped, chunks.ends.size() - whole);
        return false;
    }
    const bool was_empty = waiting->outbox.empty();
    append_chunks(*waiting, chunks, taken);
    watch_for_room(handle, connection, was_empty);
    return true;
}

void Connections::append_chunks(Pending& waiting, const Chunks& chunks, std::size_t taken) {
    Outbox& outbox = waiting.outbox;
    const std::size_t bytes_before = outbox.size();
    const std::size_t messages_before = outbox.messages();
    std::size_t skipped = 0;
    std::size_t begin = 0;
    for (const std::uint32_t end : chunks.ends) {
        if (begin < taken && taken < end) {
            outbox.append_rest_of_message(chunks.bytes.substr(taken, end - taken));
        } else if (begin >= taken) {
            const bool is_newest = end == chunks.ends.back();
            if (slow_.policy == SlowPolicy::kLatestOnly && !is_newest) {
                ++skipped;
            } else {
                outbox.append_message(chunks.bytes.substr(begin, end - begin));
            }
        }
        begin = end;
    }
    pending_bytes_ += outbox.size() - bytes_before;
    set_chunks_pending(chunks_pending_ + outbox.messages() - messages_before);
    count_dropped(waiting, skipped);
}

Pending* Connections::record_of(StreamHandle handle, Connection& connection) {
    if (!connection.parked()) {
        return wait(handle, connection);
    }
    if (connection.pending == store::kNoIndex) {
        connection.pending = pending_.add();
    }
    return &pending_[connection.pending];
}

bool Connections::has_room(StreamHandle handle, const Connection& connection, Pending& waiting) {
    // A browser may have read meanwhile without epoll having had a turn to say so.
    if (waiting.outbox.size() > slow_.bytes_max && !send_outbox(handle, connection, waiting)) {
        return false;
    }
    if (waiting.outbox.size() > slow_.bytes_max) {
        close(handle, CloseReason::kSlow);
        return false;
    }
    return true;
}

bool Connections::make_room(StreamHandle handle, const Connection& connection, Pending& waiting,
                            std::size_t bytes) {
    const bool only_latest = slow_.policy == SlowPolicy::kLatestOnly;
    const std::size_t bytes_max =
        only_latest ? 0 : slow_.bytes_max - std::min(bytes, slow_.bytes_max);
    if (waiting.outbox.size() <= bytes_max) {
        return true;
    }
    // As above: what the socket takes now need not be dropped.
    if (!send_outbox(handle, connection, waiting)) {
        return false;
    }
    const std::size_t before = waiting.outbox.size();
    const std::size_t dropped = waiting.outbox.drop_oldest(bytes_max);
    pending_bytes_ -= before - waiting.outbox.size();
    set_chunks_pending(chunks_pending_ - dropped);
    count_dropped(waiting, dropped);
    return true;
}

void Connections::watch_for_room(StreamHandle handle, const Connection& connection,
                                 bool was_empty) {
    if (was_empty) {
        epoll_.modify(connection.fd(), kReadWriteEvents, handle.packed());
    }
}

bool Connections::send_outbox(StreamHandle handle, const Connection& connection, Pending& waiting) {
    while (!waiting.outbox.empty()) {
        const auto taken = send_now(handle, connection, waiting.outbox.front());
        if (!taken) {
            return false;
        }
        if (*taken == 0) {
            return true;
        }
        const std::size_t whole = waiting.outbox.consume(*taken);
        counters_.add(slot::WorkerCounter::kChunksWritten, whole);
        set_chunks_pending(chunks_pending_ - whole);
        pending_bytes_ -= *taken;
    }
    return true;
}

bool Connections::flush(StreamHandle handle, Connection& connection) {
    Pending* waiting = pending(connection);
    if (waiting != nullptr && !send_outbox(handle, connection, *waiting)) {
        return false;
    }
    if (waiting != nullptr && !waiting->outbox.empty()) {
        return true;
    }
    if (waiting != nullptr && waiting->waiting == Waiting::kFlush) {
        close(handle, CloseReason::kDone);
        return false;
    }
    epoll_.modify(connection.fd(), kReadEvents, handle.packed());
    if (connection.parked()) {
        release_pending(connection);
    }
    return true;
}

void Connections::read_again_later(StreamHandle handle, const Connection& connection) {
    const Pending* waiting = pending(connection);
    const bool writing = waiting != nullptr && !waiting->outbox.empty();
    epoll_.modify(connection.fd(), writing ? kReadWriteEvents : kReadEvents, handle.packed());
}

bool Connections::discard_input(StreamHandle handle, Connection& connection) {
    std::array<char, kDiscardBytes> nowhere; // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (int reads = 0; reads < kDiscardReadsMax; ++reads) {
        const ssize_t got = ::recv(connection.fd(), nowhere.data(), nowhere.size(), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            close(handle, CloseReason::kPeer);
            return false;
        }
        if (got < static_cast<ssize_t>(nowhere.size())) {
            return true;
        }
    }
    read_again_later(handle, connection);
    return true;
}

void Connections::close_failed(StreamHandle handle, int error) {
    const bool vanished = error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
    close(handle, vanished ? CloseReason::kVanished : CloseReason::kPeer);
}

void Connections::close(StreamHandle handle, CloseReason reason) {
    count_close(reason);
    Connection& connection = *table_.find(handle);
    if (reason == CloseReason::kSlow) {
        reset_on_close(connection.fd());
        counters_.add(slot::WorkerCounter::kStreamsSlow, connection.parked() ? 1 : 0);
    }
    release_pending(connection);
    const StreamTable::Removed removed = table_.remove(handle);
    ::close(removed.fd); // which takes it out of the epoll set
    if (removed.freed_id) {
        log_out_(*removed.freed_id);
    }
}

void Connections::release_pending(Connection& connection) {
    if (connection.pending != store::kNoIndex) {
        const Outbox& outbox = pending_[connection.pending].outbox;
        pending_bytes_ -= outbox.size();
        counters_.add(slot::WorkerCounter::kChunksDropped, outbox.messages());
        set_chunks_pending(chunks_pending_ - outbox.messages());
        pending_.release(std::exchange(connection.pending, store::kNoIndex));
    }
}

void Connections::count_dropped(Pending& waiting, std::size_t messages) {
    if (messages == 0) {
        return;
    }
    counters_.add(slot::WorkerCounter::kChunksDropped, messages);
    counters_.add(slot::WorkerCounter::kStreamsSlow, waiting.is_slow ? 0 : 1);
    waiting.is_slow = true;
}

void Connections::set_chunks_pending(std::uint64_t chunks) {
    chunks_pending_ = chunks;
    counters_.set(slot::WorkerCounter::kChunksPending, chunks);
}

void Connections::count_close(CloseReason reason) {
    switch (reason) {
    case CloseReason::kPeer:
        counters_.add(slot::WorkerCounter::kPeerCloses);
        return;
    case CloseReason::kVanished:
        counters_.add(slot::WorkerCounter::kVanishedCloses);
        return;
    case CloseReason::kSlow:
        counters_.add(slot::WorkerCounter::kSlowCloses);
        return;
    case CloseReason::kDeadline:
        counters_.add(slot::WorkerCounter::kDeadlineCloses);
        return;
    case CloseReason::kDone:
    case CloseReason::kNoRoom:
        return;
    }
}

} // namespace zcomet::webnode::connection

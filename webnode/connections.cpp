#include "webnode/connections.hpp"

#include "topology/check.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace zcomet {

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
/// long as three minutes more.
void reset_on_close(int fd) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace

Connections::Connections(Epoll& epoll, Counters<WorkerCounter>& counters,
                         std::size_t outbox_bytes_max, LogOut log_out)
    : epoll_(epoll), counters_(counters), outbox_bytes_max_(outbox_bytes_max),
      log_out_(std::move(log_out)) {}

Connections::~Connections() {
    table_.for_each_connection(
        [](StreamHandle, const Connection& connection) { ::close(connection.fd()); });
}

Pending* Connections::pending(const Connection& connection) {
    return connection.pending == kNoIndex ? nullptr : &pending_[connection.pending];
}

Pending* Connections::wait(StreamHandle handle, Connection& connection) {
    ZCOMET_ASSERT(!connection.parked());
    if (connection.pending == kNoIndex) {
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
    const ssize_t sent =
        ::send(connection.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        close_failed(handle, errno);
        return false;
    }
    const auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    counters_.add(WorkerCounter::kBytesWritten, taken);
    return taken == bytes.size() || keep_back(handle, connection, bytes.substr(taken));
}

bool Connections::keep_back(StreamHandle handle, Connection& connection, std::string_view bytes) {
    if (connection.parked() && connection.pending == kNoIndex) {
        connection.pending = pending_.add();
    }
    Pending* waiting = connection.parked() ? pending(connection) : wait(handle, connection);
    if (waiting == nullptr) {
        return false;
    }
    // A browser may have read meanwhile without epoll having had a turn to say so.
    if (waiting->outbox.size() > outbox_bytes_max_ && !send_outbox(handle, connection, *waiting)) {
        return false;
    }
    if (waiting->outbox.size() > outbox_bytes_max_) {
        close(handle, CloseReason::kSlow);
        return false;
    }
    const bool was_empty = waiting->outbox.empty();
    waiting->outbox.append(bytes);
    pending_bytes_ += bytes.size();
    if (was_empty) {
        epoll_.modify(connection.fd(), kReadWriteEvents, handle.packed());
    }
    return true;
}

bool Connections::send_outbox(StreamHandle handle, const Connection& connection, Pending& waiting) {
    while (!waiting.outbox.empty()) {
        const std::string_view bytes = waiting.outbox.front();
        const ssize_t sent =
            ::send(connection.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) {
            close_failed(handle, errno);
            return false;
        }
        if (sent < 0) {
            return true;
        }
        const auto taken = static_cast<std::size_t>(sent);
        counters_.add(WorkerCounter::kBytesWritten, taken);
        waiting.outbox.consume(taken);
        pending_bytes_ -= taken;
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
    }
    release_pending(connection);
    const StreamTable::Removed removed = table_.remove(handle);
    ::close(removed.fd); // which takes it out of the epoll set
    if (removed.freed_id) {
        log_out_(*removed.freed_id);
    }
}

void Connections::release_pending(Connection& connection) {
    if (connection.pending != kNoIndex) {
        pending_bytes_ -= pending_[connection.pending].outbox.size();
        pending_.release(std::exchange(connection.pending, kNoIndex));
    }
}

void Connections::count_close(CloseReason reason) {
    switch (reason) {
    case CloseReason::kPeer:
        counters_.add(WorkerCounter::kPeerCloses);
        return;
    case CloseReason::kVanished:
        counters_.add(WorkerCounter::kVanishedCloses);
        return;
    case CloseReason::kSlow:
        counters_.add(WorkerCounter::kSlowCloses);
        return;
    case CloseReason::kDeadline:
        counters_.add(WorkerCounter::kDeadlineCloses);
        return;
    case CloseReason::kDone:
    case CloseReason::kNoRoom:
        return;
    }
}

} // namespace zcomet

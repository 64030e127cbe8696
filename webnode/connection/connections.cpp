#include "webnode/connection/connections.hpp"

#include "topology/base/check.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
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
/// leave. A client that only closes its sending half (`printf … | nc`) is treated alike, since it
/// looks the same.
constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;
constexpr std::uint32_t kReadWriteEvents = kReadEvents | EPOLLOUT;

/// Reads of discarded input for one event. A browser has nothing to say on an open stream; more
/// than this is a mistake or an attack, and waits for the next turn.
constexpr int kDiscardReadsMax = 4;
constexpr std::size_t kDiscardBytes = 16'384;

/// What is encrypted at a time, in four records: so little may be kept of it when the socket is
/// full, and so much that most answers take one call of the system.
/// @limit bytes of a TLS stream that are encrypted before its socket takes them
constexpr std::size_t kSealBytes = 65'536;

/// What the kernel holds for the browser: sent and not acknowledged, or not sent yet (tcp(7)).
std::uint32_t bytes_in_kernel(int fd) {
    int bytes = 0;
    return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 ? static_cast<std::uint32_t>(bytes) : 0;
}

/// The kernel drops the data of a browser that does not read, instead of offering it for the time
/// of --vanished-after.
void reset_on_close(int fd) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace

Connections::Connections(loop::Epoll& epoll, metrics::Counters<slot::WorkerCounter>& counters,
                         SlowReaders slow, std::function<Time()> clock)
    : epoll_(epoll), counters_(counters), slow_(slow), clock_(std::move(clock)),
      behind_(slow.patience) {}

Connections::~Connections() {
    table_.for_each_connection(
        [](Handle, const Connection& connection) { ::close(connection.fd()); });
}

bool Connections::watch(Handle handle, Connection& connection) {
    if (connection.is_watched()) {
        return true;
    }
    if (!epoll_.add(connection.fd(), kReadEvents, handle.packed())) {
        close(handle, CloseReason::kNoRoom);
        return false;
    }
    connection.set_watched(true);
    return true;
}

void Connections::close_when_written(Handle handle, Connection& connection) {
    if (has_output(connection)) {
        outputs_[connection.output].is_last = true;
    } else {
        close(handle, CloseReason::kDone);
    }
}

bool Connections::write(Handle handle, Connection& connection, std::string_view bytes) {
    if (has_output(connection)) {
        return keep_back(handle, connection, bytes);
    }
    const auto taken = send_now(handle, connection, bytes);
    return taken && (*taken == bytes.size() || keep_back(handle, connection, bytes.substr(*taken)));
}

bool Connections::write(Handle handle, Connection& connection, const Chunks& chunks) {
    connection.set_quiet(Quiet::kNo);
    if (has_output(connection)) {
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
    count_sealed(connection, chunks.ends.size());
    return true;
}

std::optional<std::size_t> Connections::send_now(Handle handle, Connection& connection,
                                                 std::string_view bytes) {
    return secured_ == nullptr ? send_raw(handle, connection, bytes)
                               : send_sealed(handle, connection, bytes);
}

std::optional<std::size_t> Connections::send_raw(Handle handle, const Connection& connection,
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

std::optional<std::size_t> Connections::send_sealed(Handle handle, Connection& connection,
                                                    std::string_view bytes) {
    if (!secured_->is_open(handle.index)) {
        return bytes.size(); // before the handshake is made nobody could read it
    }
    if (has_output(connection) && !send_rest(handle, connection, outputs_[connection.output])) {
        return std::nullopt;
    }
    std::size_t taken = 0;
    while (taken < bytes.size() && !has_rest(connection)) {
        const std::string_view text = bytes.substr(taken, kSealBytes);
        if (!write_raw(handle, connection, secured_->seal(handle.index, text))) {
            return std::nullopt;
        }
        taken += text.size();
    }
    return taken;
}

bool Connections::write_raw(Handle handle, Connection& connection, std::string_view bytes) {
    if (bytes.empty()) {
        return true;
    }
    std::size_t taken = 0;
    if (!has_rest(connection)) {
        const auto sent = send_raw(handle, connection, bytes);
        if (!sent) {
            return false;
        }
        taken = *sent;
    }
    if (taken == bytes.size()) {
        return true;
    }
    Output* const output = output_of(handle, connection);
    if (output == nullptr) {
        return false;
    }
    output->sealed.append(bytes.substr(taken));
    pending_bytes_ += bytes.size() - taken;
    watch_for_room(handle, connection, true);
    return true;
}

bool Connections::send_rest(Handle handle, const Connection& connection, Output& output) {
    if (output.sealed.empty()) {
        return true;
    }
    const auto sent = send_raw(handle, connection, output.sealed);
    if (!sent) {
        return false;
    }
    output.has_read = output.has_read || *sent > 0;
    pending_bytes_ -= *sent;
    output.sealed.erase(0, *sent);
    if (output.sealed.empty()) {
        output.sealed = std::string();
        const std::size_t messages = std::exchange(output.sealed_messages, 0);
        counters_.add(slot::WorkerCounter::kChunksWritten, messages);
        set_chunks_pending(chunks_pending_ - messages);
    }
    return true;
}

void Connections::count_sealed(const Connection& connection, std::size_t messages) {
    if (!has_rest(connection)) {
        counters_.add(slot::WorkerCounter::kChunksWritten, messages);
        return;
    }
    outputs_[connection.output].sealed_messages += messages;
    set_chunks_pending(chunks_pending_ + messages);
}

std::optional<Secured::Received> Connections::decrypt(Handle handle, Connection& connection,
                                                      std::string_view bytes, Time turn) {
    const Secured::Received received = secured_->receive(handle.index, bytes, turn);
    if (received.begins) {
        counters_.add(slot::WorkerCounter::kTlsHandshakes);
        counters_.add(slot::WorkerCounter::kTlsResumed, received.is_resumed ? 1 : 0);
    }
    if (!received.failure.empty()) {
        counters_.add(slot::WorkerCounter::kTlsFailures);
        tls_failure_ = received.failure;
        note(connection, Incident::kTls);
    }
    if (!write_raw(handle, connection, received.reply)) {
        return std::nullopt;
    }
    return received;
}

void Connections::say_end(Handle handle, const Connection& connection) {
    if (secured_ != nullptr && !has_output(connection) && secured_->is_open(handle.index)) {
        const std::string_view end = secured_->seal_end(handle.index);
        static_cast<void>(
            ::send(connection.fd(), end.data(), end.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
}

void Connections::end_output(Handle handle, const Connection& connection) {
    say_end(handle, connection);
    ::shutdown(connection.fd(), SHUT_WR);
}

bool Connections::keep_back(Handle handle, Connection& connection, std::string_view bytes) {
    Output* output = output_of(handle, connection);
    const std::size_t bytes_max = is_full() ? 0 : slow_.bytes_max;
    if (output == nullptr || !has_room(handle, connection, *output, bytes_max)) {
        return false;
    }
    const bool was_empty = output->outbox.empty();
    output->outbox.append(bytes);
    pending_bytes_ += bytes.size();
    watch_for_room(handle, connection, was_empty);
    return true;
}

bool Connections::keep_back(Handle handle, Connection& connection, const Chunks& chunks,
                            std::size_t taken) {
    const auto whole = static_cast<std::size_t>(
        std::upper_bound(chunks.ends.begin(), chunks.ends.end(), taken) - chunks.ends.begin());
    count_sealed(connection, whole);
    Output* output = output_of(handle, connection);
    const bool closes = slow_.policy == SlowPolicy::kClose || is_full();
    const bool is_open =
        output != nullptr &&
        (closes ? has_room(handle, connection, *output, stream_bytes_max())
                : make_room(handle, connection, *output, chunks.bytes.size() - taken));
    if (!is_open) {
        counters_.add(slot::WorkerCounter::kChunksDropped, chunks.ends.size() - whole);
        return false;
    }
    const bool was_empty = output->outbox.empty();
    append_chunks(connection, *output, chunks, taken);
    begin_to_watch(handle, connection, *output);
    watch_for_room(handle, connection, was_empty);
    return true;
}

void Connections::append_chunks(const Connection& connection, Output& output, const Chunks& chunks,
                                std::size_t taken) {
    Outbox& outbox = output.outbox;
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
    count_dropped(connection, output, skipped);
}

Output* Connections::output_of(Handle handle, Connection& connection) {
    if (connection.output == store::kNoIndex) {
        if (is_full()) {
            close(handle, CloseReason::kSlow);
            return nullptr;
        }
        if (!watch(handle, connection)) {
            return nullptr;
        }
        connection.output = outputs_.add();
    }
    return &outputs_[connection.output];
}

/// Those that do not read go together: if time came back as soon as some are closed, the rest would
/// be given much more first, which costs the worker's time.
std::size_t Connections::stream_bytes_max() {
    if (is_full()) {
        return 0;
    }
    is_crowded_ = pending_bytes_ >= slow_.sum_bytes_max / (is_crowded_ ? 8 : 2);
    const bool has_time = slow_.patience > Duration::zero() && !is_crowded_;
    return has_time ? std::max(slow_.bytes_max, slow_.burst_bytes_max) : slow_.bytes_max;
}

bool Connections::has_room(Handle handle, Connection& connection, Output& output,
                           std::size_t bytes_max) {
    // The browser may have read meanwhile, and epoll had no turn to report it.
    if (output.outbox.size() > bytes_max && !send_outbox(handle, connection, output)) {
        return false;
    }
    if (output.outbox.size() > bytes_max) {
        close(handle, CloseReason::kSlow);
        return false;
    }
    return true;
}

void Connections::begin_to_watch(Handle handle, const Connection& connection, Output& output) {
    if (output.look_at == kNever && output.outbox.size() > slow_.bytes_max &&
        slow_.policy == SlowPolicy::kClose && slow_.patience > Duration::zero()) {
        output.has_read = false;
        output.kernel_bytes = bytes_in_kernel(connection.fd());
        output.look_at = behind_.push(handle, clock_());
    }
}

void Connections::sweep(Time now) {
    behind_.expire(now, [this](Handle handle, Time deadline) {
        Connection* connection = table_.find(handle);
        if (connection != nullptr && has_output(*connection) &&
            outputs_[connection->output].look_at == deadline) {
            look(handle, *connection, outputs_[connection->output]);
        }
    });
}

/// The kernel reports room only when a third of the buffer is free, so a browser may have read
/// although the outbox has not moved.
void Connections::look(Handle handle, const Connection& connection, Output& output) {
    const bool has_read = output.has_read || bytes_in_kernel(connection.fd()) < output.kernel_bytes;
    if (output.outbox.size() > slow_.bytes_max && !has_read) {
        close(handle, CloseReason::kSlow);
        return;
    }
    output.look_at = kNever;
    begin_to_watch(handle, connection, output);
}

bool Connections::make_room(Handle handle, Connection& connection, Output& output,
                            std::size_t bytes) {
    const bool only_latest = slow_.policy == SlowPolicy::kLatestOnly;
    const std::size_t bytes_max =
        only_latest ? 0 : slow_.bytes_max - std::min(bytes, slow_.bytes_max);
    if (output.outbox.size() <= bytes_max) {
        return true;
    }
    // As above: bytes that the socket takes now need not be dropped.
    if (!send_outbox(handle, connection, output)) {
        return false;
    }
    const std::size_t before = output.outbox.size();
    const std::size_t dropped = output.outbox.drop_oldest(bytes_max);
    pending_bytes_ -= before - output.outbox.size();
    set_chunks_pending(chunks_pending_ - dropped);
    count_dropped(connection, output, dropped);
    return true;
}

void Connections::watch_for_room(Handle handle, const Connection& connection, bool was_empty) {
    if (was_empty) {
        epoll_.modify(connection.fd(), kReadWriteEvents, handle.packed());
    }
}

bool Connections::send_outbox(Handle handle, Connection& connection, Output& output) {
    if (!send_rest(handle, connection, output)) {
        return false;
    }
    while (!output.outbox.empty()) {
        const auto taken = send_now(handle, connection, output.outbox.front());
        if (!taken) {
            return false;
        }
        if (*taken == 0) {
            return true;
        }
        output.has_read = true;
        const std::size_t whole = output.outbox.consume(*taken);
        set_chunks_pending(chunks_pending_ - whole);
        count_sealed(connection, whole);
        pending_bytes_ -= *taken;
    }
    return true;
}

bool Connections::flush(Handle handle, Connection& connection) {
    if (has_output(connection)) {
        Output& output = outputs_[connection.output];
        if (!send_outbox(handle, connection, output)) {
            return false;
        }
        if (!output.outbox.empty() || !output.sealed.empty()) {
            return true;
        }
        const bool is_last = output.is_last;
        release_output(connection);
        if (is_last) {
            close(handle, CloseReason::kDone);
            return false;
        }
    }
    epoll_.modify(connection.fd(), kReadEvents, handle.packed());
    return true;
}

void Connections::read_again_later(Handle handle, const Connection& connection) {
    epoll_.modify(connection.fd(), has_output(connection) ? kReadWriteEvents : kReadEvents,
                  handle.packed());
}

bool Connections::has_input(const Connection& connection) {
    int bytes = 0;
    return ::ioctl(connection.fd(), FIONREAD, &bytes) == 0 && bytes > 0;
}

bool Connections::discard_input(Handle handle, Connection& connection) {
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

void Connections::close_failed(Handle handle, int error) {
    const bool vanished = error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
    close(handle, vanished ? CloseReason::kVanished : CloseReason::kPeer);
}

void Connections::close(Handle handle, CloseReason reason) {
    count_close(reason);
    Connection& connection = *table_.find(handle);
    if (log_ != nullptr) {
        log_->on_closing(handle, connection, reason);
    }
    if (reason == CloseReason::kSlow) {
        reset_on_close(connection.fd());
        counters_.add(slot::WorkerCounter::kStreamsSlow, connection.parked() ? 1 : 0);
    } else if (reason == CloseReason::kDone) {
        say_end(handle, connection);
    }
    if (secured_ != nullptr) {
        secured_->forget(handle.index);
    }
    release_output(connection);
    for (CloseListener* const listener : listeners_) {
        listener->on_close(handle, connection);
    }
    const int fd = connection.fd();
    table_.remove(handle);
    ::close(fd); // this also removes it from the epoll set
}

void Connections::release_output(Connection& connection) {
    if (has_output(connection)) {
        const Output& output = outputs_[connection.output];
        const std::size_t messages = output.outbox.messages() + output.sealed_messages;
        const std::size_t bytes = output.outbox.size() + output.sealed.size();
        pending_bytes_ -= bytes;
        counters_.add(slot::WorkerCounter::kStreamsCut, output.is_farewell && bytes > 0 ? 1 : 0);
        counters_.add(slot::WorkerCounter::kChunksDropped, messages);
        set_chunks_pending(chunks_pending_ - messages);
        outputs_.release(std::exchange(connection.output, store::kNoIndex));
    }
}

void Connections::count_dropped(const Connection& connection, Output& output,
                                std::size_t messages) {
    if (messages == 0) {
        return;
    }
    counters_.add(slot::WorkerCounter::kChunksDropped, messages);
    if (output.is_slow) {
        return;
    }
    output.is_slow = true;
    counters_.add(slot::WorkerCounter::kStreamsSlow);
    note(connection, Incident::kMissing);
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
        counters_.add(slot::WorkerCounter::kDoneCloses);
        return;
    case CloseReason::kNoRoom:
        counters_.add(slot::WorkerCounter::kNoRoomCloses);
        return;
    }
}

} // namespace zcomet::webnode::connection

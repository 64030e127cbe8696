#include "tools/floodtest/flood_worker.hpp"

#include "tools/logs/message_tag.hpp"
#include "topology/base/value_or_throw.hpp"
#include "topology/base/wall_clock.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace zcomet::tools::floodtest {

namespace {

/// Holds some hundred chunks: one recv(2) nearly always empties a socket.
constexpr std::size_t kBufferBytes = 64U << 10U;
/// Streams under way without an answer. More would overflow the server's backlog (often 4,096, or
/// 128) and measure the kernel's SYN retries in place of the server.
constexpr std::uint64_t kUnansweredMax = 256;
/// Streams opened in one turn, so that answers are read in between.
constexpr unsigned kOpensPerTurn = 32;
constexpr std::uint16_t kStatusOk = 200;

/// The error that a non-blocking connect() ended in, 0 if it succeeded.
[[nodiscard]] int pending_error(int fd) {
    int error = 0;
    socklen_t size = sizeof(error);
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

} // namespace

FloodWorker::FloodWorker(const FloodPlan& plan, unsigned process, Time start, int stop_fd,
                         FloodTally& tally)
    : plan_(plan), process_(process), start_(start), tally_(tally),
      share_((plan.connections + plan.processes - 1 - process) / plan.processes),
      buffer_(kBufferBytes) {
    loop_.stop_at(stop_fd);
    streams_.reserve(share_);
    if (plan.target.is_tls()) {
        tls_.emplace(value_or_throw(FloodTls::make(plan.tls_ca, plan.target.host())));
        sessions_.reserve(share_);
    }
    if (!plan.log.empty()) {
        log_.emplace(value_or_throw(logs::LogFile::append_to(plan.log)));
    }
}

FloodWorker::~FloodWorker() {
    end_all();
}

void FloodWorker::run() {
    while (!loop_.stopped()) {
        wait();
        const Time now = Clock::now();
        open_due(now);
        expire_unanswered(now);
    }
    end_all();
}

void FloodWorker::wait() {
    // In whole milliseconds: streams that are due a moment apart are opened together.
    const Time now = Clock::now();
    const Duration left = loop::time_left(now, next_due());
    const Time until = loop::time_after(
        now, left == Duration::max() ? left : std::chrono::ceil<std::chrono::milliseconds>(left));
    loop_.turn(until, [this](const epoll_event& event, Time) {
        on_event(event.data.u64 - loop::Loop::kFirstTag, event.events);
    });
}

Time FloodWorker::next_due() const {
    Time next = kNever;
    if (streams_.size() < share_ && unanswered_ < kUnansweredMax) {
        next = due(streams_.size());
    }
    if (unanswered_ > 0) {
        next = std::min(next, streams_[oldest_unanswered_].started + plan_.connect_timeout);
    }
    return next;
}

std::uint64_t FloodWorker::number_of(std::uint64_t index) const {
    return index * plan_.processes + process_;
}

Time FloodWorker::due(std::uint64_t index) const {
    if (plan_.rate <= 0) {
        return start_;
    }
    const std::chrono::duration<double> offset(static_cast<double>(number_of(index)) / plan_.rate);
    return start_ + std::chrono::duration_cast<Duration>(offset);
}

void FloodWorker::open_due(Time now) {
    for (unsigned opened = 0; opened < kOpensPerTurn; ++opened) {
        const bool may_open = streams_.size() < share_ && unanswered_ < kUnansweredMax;
        if (!may_open || due(streams_.size()) > now) {
            return;
        }
        open_next(Clock::now());
    }
}

void FloodWorker::open_next(Time now) {
    const std::uint64_t index = streams_.size();
    Stream& stream = streams_.emplace_back();
    stream.started = now;
    ++unanswered_;
    UniqueFd fd;
    const int error = connect_stream(number_of(index), fd);
    stream.fd = fd.release();
    if (tls_) {
        sessions_.push_back(error == 0 ? tls_->connect(stream.fd) : nullptr);
    }
    if (error != 0) {
        on_connection_lost(stream, error);
        return;
    }
    if (!loop_.epoll().add(stream.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                           loop::Loop::kFirstTag + index)) {
        throw std::system_error(errno, std::generic_category(), "cannot watch a descriptor");
    }
}

/// @return 0 if the connection is being made, else the error.
int FloodWorker::connect_stream(std::uint64_t number, UniqueFd& fd) const {
    const net::SocketAddress& target = plan_.target.address();
    fd.reset(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return errno;
    }
    if (!plan_.sources.empty()) {
        const net::SocketAddress& source = plan_.sources[number % plan_.sources.size()];
        // Leaves the port to connect(), which may use one port for several destinations.
        const int on = 1;
        if (::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0 ||
            ::bind(fd.get(), source.get(), source.size) != 0) {
            return errno;
        }
    }
    const bool under_way = ::connect(fd.get(), target.get(), target.size) == 0;
    return under_way || errno == EINPROGRESS ? 0 : errno;
}

void FloodWorker::expire_unanswered(Time now) {
    while (unanswered_ > 0) {
        Stream& stream = streams_[oldest_unanswered_];
        const bool waits = stream.phase == Phase::kConnecting || stream.phase == Phase::kShaking ||
                           stream.phase == Phase::kRequested;
        if (waits && now - stream.started < plan_.connect_timeout) {
            return;
        }
        if (waits) {
            fail(stream, FloodCounter::kTimedOut);
        }
        ++oldest_unanswered_;
    }
    oldest_unanswered_ = streams_.size();
}

void FloodWorker::on_event(std::uint64_t index, std::uint32_t events) {
    Stream& stream = streams_[index];
    if (stream.phase == Phase::kConnecting) {
        if (const int error = pending_error(stream.fd); error != 0) {
            on_connection_lost(stream, error);
            return;
        }
        if (tls_) {
            stream.phase = Phase::kShaking;
        } else {
            send_request(index);
        }
    }
    if (stream.phase == Phase::kShaking) {
        shake_hands(index);
        if (stream.phase == Phase::kShaking) {
            return;
        }
    }
    // An event that shows the end shows it once, so then everything before the end is read too.
    const bool to_end = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (to_end || (events & EPOLLIN) != 0) {
        receive(stream, to_end);
    }
}

void FloodWorker::shake_hands(std::uint64_t index) {
    SSL* const ssl = sessions_[index].get();
    const int done = SSL_do_handshake(ssl);
    if (done == 1) {
        send_request(index);
    } else if (!FloodTls::is_waiting(ssl, done)) {
        on_connection_lost(streams_[index], FloodTls::error_of(ssl, done));
    }
}

ssize_t FloodWorker::write(std::uint64_t index, std::string_view bytes) {
    if (!tls_) {
        return ::send(streams_[index].fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    SSL* const ssl = sessions_[index].get();
    const int written = SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()));
    if (written > 0) {
        return written;
    }
    errno = FloodTls::error_of(ssl, written);
    return -1;
}

ssize_t FloodWorker::read(std::uint64_t index) {
    if (!tls_) {
        return ::recv(streams_[index].fd, buffer_.data(), buffer_.size(), 0);
    }
    SSL* const ssl = sessions_[index].get();
    const int got = SSL_read(ssl, buffer_.data(), static_cast<int>(buffer_.size()));
    if (got > 0) {
        return got;
    }
    const int error = FloodTls::is_waiting(ssl, got) ? EAGAIN : FloodTls::error_of(ssl, got);
    errno = error;
    return error == 0 ? 0 : -1;
}

void FloodWorker::send_request(std::uint64_t index) {
    Stream& stream = streams_[index];
    const std::string_view request = plan_.target.request(id_of(index));
    const ssize_t sent = write(index, request);
    if (sent < 0) {
        on_connection_lost(stream, errno);
        return;
    }
    if (static_cast<std::size_t>(sent) < request.size()) {
        // An empty send buffer takes far more than a request.
        on_connection_lost(stream, ENOBUFS);
        return;
    }
    stream.phase = Phase::kRequested;
}

/// @param to_end  read on after a short read, since the end of the stream comes without an event.
void FloodWorker::receive(Stream& stream, bool to_end) {
    // Edge-triggered: read until the socket is empty, which a short read shows without a further
    // call. What arrives after that read is a new event.
    while (stream.phase != Phase::kEnded) {
        const ssize_t count = read(index_of(stream));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            on_connection_lost(stream, count < 0 ? errno : 0);
            return;
        }
        const auto size = static_cast<std::size_t>(count);
        on_bytes(stream, std::string_view(buffer_.data(), size));
        if (size < buffer_.size() && !to_end && !tls_) { // of TLS it is one record at a time
            return;
        }
    }
}

void FloodWorker::on_bytes(Stream& stream, std::string_view bytes) {
    if (stream.phase == Phase::kRequested) {
        const FloodHead::Event event = stream.head.next(bytes);
        if (event == FloodHead::Event::kBad) {
            fail(stream, FloodCounter::kMalformed);
        }
        if (event != FloodHead::Event::kDone) {
            return;
        }
        on_head(stream);
    }
    if (stream.phase == Phase::kStreaming) {
        count_chunks(stream, bytes);
    }
}

void FloodWorker::on_head(Stream& stream) {
    if (stream.head.status() != kStatusOk) {
        tally_.status_codes.at(stream.head.status()).fetch_add(1, std::memory_order_relaxed);
        fail(stream, FloodCounter::kBadStatus);
        return;
    }
    if (!stream.head.chunked()) {
        fail(stream, FloodCounter::kMalformed);
        return;
    }
    const auto taken = std::chrono::nanoseconds(Clock::now() - stream.started).count();
    tally_.connect_time.record(static_cast<std::uint64_t>(taken));
    tally_.counters.add(FloodCounter::kConnected);
    stream.phase = Phase::kStreaming;
    --unanswered_;
    if (log_) {
        log_line(stream, logs::StreamLine::What::kOpen, wall_clock_ns());
    }
}

void FloodWorker::count_chunks(Stream& stream, std::string_view bytes) {
    std::uint64_t now_ns = log_ ? wall_clock_ns() : 0;
    std::uint64_t chunks = 0;
    std::string* const data = chunk_data(stream);
    ChunkParser::Event event = stream.chunks.next(bytes, data);
    for (; event == ChunkParser::Event::kChunk; event = stream.chunks.next(bytes, data)) {
        chunks += stream.chunks.has_message() ? 1 : 0;
        if (log_) {
            log_chunk(stream, now_ns);
        }
        if (const auto stamp = stream.chunks.stamp()) {
            now_ns = now_ns == 0 ? wall_clock_ns() : now_ns;
            tally_.latency.record(now_ns > *stamp ? now_ns - *stamp : 0);
        }
    }
    if (chunks > 0) {
        tally_.counters.add(FloodCounter::kChunks, chunks);
        tally_.last_message_ns.store(now_ns == 0 ? wall_clock_ns() : now_ns,
                                     std::memory_order_relaxed);
    }
    if (event != ChunkParser::Event::kNeedMore) {
        // The end of the body, or no longer a chunked body: nothing more can be counted.
        tally_.counters.add(FloodCounter::kClosed);
        end(stream);
    } else if (data != nullptr && !data->empty()) {
        cut_chunks_[index_of(stream)] = std::move(*data);
    }
}

/// @param error  of the system; 0: the other side closed.
void FloodWorker::on_connection_lost(Stream& stream, int error) {
    if (stream.phase == Phase::kStreaming) {
        tally_.counters.add(FloodCounter::kClosed);
        end(stream);
        return;
    }
    switch (error) {
    case 0:
    case ECONNRESET:
    case EPIPE:
        fail(stream, FloodCounter::kClosedEarly);
        return;
    case ECONNREFUSED:
        fail(stream, FloodCounter::kRefused);
        return;
    case ETIMEDOUT:
        fail(stream, FloodCounter::kTimedOut);
        return;
    default:
        tally_.last_errno.store(error, std::memory_order_relaxed);
        fail(stream, FloodCounter::kOtherError);
        return;
    }
}

void FloodWorker::fail(Stream& stream, FloodCounter reason) {
    tally_.counters.add(reason);
    --unanswered_;
    end(stream);
}

void FloodWorker::end(Stream& stream) {
    if (log_ && stream.phase == Phase::kStreaming) {
        log_line(stream, logs::StreamLine::What::kClose, wall_clock_ns());
    }
    // Closing the only descriptor of a socket takes it out of the epoll set.
    if (tls_) {
        sessions_[index_of(stream)].reset();
    }
    UniqueFd(stream.fd).reset();
    stream.fd = -1;
    stream.phase = Phase::kEnded;
}

void FloodWorker::end_all() {
    for (Stream& stream : streams_) {
        end(stream);
    }
    if (log_) {
        log_->flush();
        count_lost_lines();
    }
}

std::uint64_t FloodWorker::index_of(const Stream& stream) const {
    return static_cast<std::uint64_t>(&stream - streams_.data());
}

std::uint64_t FloodWorker::id_of(std::uint64_t index) const {
    return plan_.first_id + number_of(index) % plan_.ids;
}

std::string* FloodWorker::chunk_data(const Stream& stream) {
    if (!log_) {
        return nullptr;
    }
    chunk_data_.clear();
    if (const auto cut = cut_chunks_.find(index_of(stream)); cut != cut_chunks_.end()) {
        chunk_data_ = std::move(cut->second);
        cut_chunks_.erase(cut);
    }
    return &chunk_data_;
}

void FloodWorker::log_chunk(const Stream& stream, std::uint64_t now_ns) {
    logs::StreamLine line;
    if (logs::tells_of_gap(chunk_data_)) {
        log_line(stream, logs::StreamLine::What::kGap, now_ns);
    }
    if (!stream.chunks.has_message()) {
        chunk_data_.clear();
        return;
    }
    line.what = logs::StreamLine::What::kGot;
    line.time_ns = now_ns;
    line.number_on_stream = logs::number_on_stream(chunk_data_).value_or(0);
    const logs::MessageTag tag = logs::find_tag(chunk_data_).value_or(logs::MessageTag{});
    line.sender = tag.sender;
    line.number = tag.number;
    write_log_line(line, stream);
    chunk_data_.clear();
}

void FloodWorker::log_line(const Stream& stream, logs::StreamLine::What what,
                           std::uint64_t now_ns) {
    logs::StreamLine line;
    line.what = what;
    line.time_ns = now_ns;
    write_log_line(line, stream);
}

void FloodWorker::write_log_line(logs::StreamLine line, const Stream& stream) {
    const std::uint64_t index = index_of(stream);
    const std::string id = std::to_string(id_of(index));
    line.stream = number_of(index);
    line.id = id;
    logs::append_line(log_->line(), line);
    log_->end_line();
    count_lost_lines();
}

void FloodWorker::count_lost_lines() {
    tally_.counters.set(FloodCounter::kLogLinesLost, log_->lines_lost());
    tally_.log_errno.store(log_->error(), std::memory_order_relaxed);
}

} // namespace zcomet::tools::floodtest

#include "webnode/request/requests.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace zcomet::webnode::request {

namespace {

constexpr std::size_t kBufferBytes = 65'536;

constexpr int kRequestTimeout = 408;

/// Reads for one event, so that a fast uploader does not keep others waiting.
constexpr int kReadsMax = 4;

/// `earlier` if that is where `bytes` are, else a copy of them.
std::string take_all(std::string earlier, std::string_view bytes) {
    return earlier.empty() ? std::string(bytes) : std::move(earlier);
}

/// What the socket failed with; 0 if both sides have ended it.
int socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

} // namespace

Requests::Requests(connection::Connections& connections,
                   metrics::Counters<slot::WorkerCounter>& counters, Duration request_deadline,
                   LogIn log_in)
    : connections_(connections), table_(connections.table()), counters_(counters),
      log_in_(std::move(log_in)), request_deadlines_(request_deadline),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

void Requests::on_accepted(int fd, Time now) {
    const connection::StreamHandle handle = table_.add(fd);
    if (read(handle, now) == After::kOver) {
        return;
    }
    connection::Connection* connection = table_.find(handle);
    if (connections_.pending(*connection) != nullptr) {
        return;
    }
    if (connection::Pending* pending = connections_.wait(handle, *connection)) {
        set_waiting(handle, *pending, connection::Waiting::kRequest, now);
    }
}

void Requests::on_event(connection::StreamHandle handle, std::uint32_t events, Time now) {
    connection::Connection* connection = table_.find(handle);
    if (connection == nullptr) {
        return;
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        connections_.close_failed(handle, socket_error(connection->fd()));
        return;
    }
    if ((events & EPOLLOUT) != 0 && !connections_.flush(handle, *connection)) {
        return;
    }
    const bool ended = (events & EPOLLRDHUP) != 0;
    if (!connection->parked()) {
        on_readable(handle, ended, now);
    } else if (ended) {
        connections_.close(handle, connection::CloseReason::kPeer);
    } else if ((events & EPOLLIN) != 0) {
        static_cast<void>(connections_.discard_input(handle, *connection));
    }
}

void Requests::on_readable(connection::StreamHandle handle, bool ended, Time now) {
    connection::Connection* connection = table_.find(handle);
    const connection::Waiting waiting = connections_.pending(*connection)->waiting;
    if (waiting == connection::Waiting::kLinger || waiting == connection::Waiting::kFlush) {
        const bool is_open = connections_.discard_input(handle, *connection);
        if (is_open && ended && waiting == connection::Waiting::kLinger) {
            connections_.close(handle, connection::CloseReason::kDone);
        }
        return;
    }
    if (read(handle, now) == After::kReading && ended) {
        connections_.close(handle, connection::CloseReason::kPeer);
    }
}

Requests::After Requests::read(connection::StreamHandle handle, Time now) {
    for (int reads = 0; reads < kReadsMax; ++reads) {
        connection::Connection* connection = table_.find(handle);
        const ssize_t got = ::recv(connection->fd(), buffer_.get(), kBufferBytes, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return After::kReading;
        }
        if (got <= 0) {
            connections_.close(handle, connection::CloseReason::kPeer);
            return After::kOver;
        }
        const auto count = static_cast<std::size_t>(got);
        if (serve(handle, {buffer_.get(), count}, now) == After::kOver) {
            return After::kOver;
        }
        if (count < kBufferBytes) {
            return After::kReading; // a short read has emptied the socket
        }
    }
    connections_.read_again_later(handle, *table_.find(handle));
    return After::kReading;
}

Requests::After Requests::serve(connection::StreamHandle handle, std::string_view bytes, Time now) {
    std::string earlier;
    http::RequestReader reader;
    if (connection::Pending* pending = connections_.pending(*table_.find(handle))) {
        reader = pending->reader;
        earlier = std::move(pending->request);
        pending->request.clear();
    }
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    bool answered = false;
    while (!bytes.empty()) {
        const http::RequestReader::Outcome outcome = reader.read(bytes);
        if (outcome.verdict == http::RequestReader::Verdict::kNeedMore) {
            break;
        }
        if (outcome.verdict == http::RequestReader::Verdict::kRefuse) {
            refuse(handle, outcome.status, now);
            return After::kOver;
        }
        const std::string_view request = bytes.substr(0, outcome.length);
        bytes.remove_prefix(outcome.length);
        if (answer(handle, request, !bytes.empty(), now) == After::kOver) {
            return After::kOver;
        }
        reader = {};
        answered = true;
    }
    const bool wants_continue = reader.take_continue_wish();
    if (wants_continue && !connections_.write(handle, *table_.find(handle), http::kContinue)) {
        return After::kOver;
    }
    // Moved back, not copied: a large body may come in very many small pieces.
    return keep_rest(handle, answered ? std::string(bytes) : take_all(std::move(earlier), bytes),
                     reader, answered, now);
}

Requests::After Requests::keep_rest(connection::StreamHandle handle, std::string rest,
                                    const http::RequestReader& reader, bool answered, Time now) {
    connection::Connection* connection = table_.find(handle);
    connection::Pending* pending = connections_.wait(handle, *connection);
    if (pending == nullptr) {
        return After::kOver;
    }
    pending->request = std::move(rest);
    pending->reader = reader;
    // A request that goes on arriving keeps its deadline: a byte now and then buys no time.
    const bool goes_on = !answered && pending->waiting == connection::Waiting::kRequest &&
                         pending->deadline != kNever;
    if (!goes_on) {
        const bool idle = pending->request.empty();
        set_waiting(handle, *pending,
                    idle ? connection::Waiting::kIdle : connection::Waiting::kRequest, now);
    }
    return After::kReading;
}

Requests::After Requests::answer(connection::StreamHandle handle, std::string_view request,
                                 bool more, Time now) {
    const Answer answer = front_.handle(request);
    counters_.add(slot::WorkerCounter::kRequests);
    count_response(answer.status);
    if (answer.next == Answer::Next::kPark) {
        open_stream(handle, answer);
        return After::kOver;
    }
    if (!connections_.write(handle, *table_.find(handle), answer.bytes)) {
        return After::kOver;
    }
    if (answer.next == Answer::Next::kClose) {
        end(handle, more, now);
        return After::kOver;
    }
    return After::kReading;
}

void Requests::open_stream(connection::StreamHandle handle, const Answer& answer) {
    const connection::Connections::Parked parked =
        connections_.park(handle, answer.id, answer.chunked);
    if (parked == connection::Connections::Parked::kClosed) {
        return;
    }
    if (parked == connection::Connections::Parked::kFirstOfId) {
        log_in_(answer.id);
    }
    // If the browser is gone already, this logs out again what was just logged in.
    static_cast<void>(connections_.write(handle, *table_.find(handle), answer.bytes));
}

void Requests::refuse(connection::StreamHandle handle, int status, Time now) {
    counters_.add(slot::WorkerCounter::kRequests);
    count_response(status);
    if (connections_.write(handle, *table_.find(handle), http::error_answer(status))) {
        end(handle, true, now);
    }
}

void Requests::end(connection::StreamHandle handle, bool unread, Time now) {
    connection::Connection* connection = table_.find(handle);
    const connection::Pending* pending = connections_.pending(*connection);
    const bool flushing = pending != nullptr && !pending->outbox.empty();
    if (!flushing && !unread) {
        connections_.close(handle, connection::CloseReason::kDone);
        return;
    }
    if (!flushing) {
        // Closing while something is unread would send a reset, which can overtake the answer.
        ::shutdown(connection->fd(), SHUT_WR);
    }
    if (connection::Pending* waiting = connections_.wait(handle, *connection)) {
        waiting->request = std::string();
        set_waiting(handle, *waiting,
                    flushing ? connection::Waiting::kFlush : connection::Waiting::kLinger, now);
    }
}

void Requests::set_waiting(connection::StreamHandle handle, connection::Pending& pending,
                           connection::Waiting waiting, Time now) {
    pending.waiting = waiting;
    pending.deadline = queue_of(waiting).push(handle, now);
}

connection::DeadlineQueue& Requests::queue_of(connection::Waiting waiting) {
    switch (waiting) {
    case connection::Waiting::kRequest:
        return request_deadlines_;
    case connection::Waiting::kIdle:
        return idle_deadlines_;
    case connection::Waiting::kFlush:
        return flush_deadlines_;
    case connection::Waiting::kLinger:
        break;
    }
    return linger_deadlines_;
}

void Requests::sweep(Time now) {
    for (connection::DeadlineQueue* queue :
         {&request_deadlines_, &idle_deadlines_, &flush_deadlines_, &linger_deadlines_}) {
        queue->expire(now, [this, now](connection::StreamHandle handle, Time deadline) {
            on_deadline(handle, deadline, now);
        });
    }
}

void Requests::on_deadline(connection::StreamHandle handle, Time deadline, Time now) {
    connection::Connection* connection = table_.find(handle);
    if (connection == nullptr || connection->parked()) {
        return;
    }
    const connection::Pending* pending = connections_.pending(*connection);
    if (pending == nullptr || pending->deadline != deadline) {
        return; // that wait was over in time
    }
    switch (pending->waiting) {
    case connection::Waiting::kRequest:
        if (pending->request.empty()) {
            // Browsers open connections in advance, and would show the page of an unasked 408.
            connections_.close(handle, connection::CloseReason::kDeadline);
            return;
        }
        counters_.add(slot::WorkerCounter::kDeadlineCloses);
        refuse(handle, kRequestTimeout, now);
        return;
    case connection::Waiting::kFlush:
        connections_.close(handle, connection::CloseReason::kSlow);
        return;
    case connection::Waiting::kIdle:
    case connection::Waiting::kLinger:
        connections_.close(handle, connection::CloseReason::kDone);
        return;
    }
}

Time Requests::due() const {
    return std::min({request_deadlines_.due(), idle_deadlines_.due(), flush_deadlines_.due(),
                     linger_deadlines_.due()});
}

void Requests::count_response(int status) {
    switch (status / 100) {
    case 2:
        counters_.add(slot::WorkerCounter::kResponses2xx);
        return;
    case 3:
        counters_.add(slot::WorkerCounter::kResponses3xx);
        return;
    case 4:
        counters_.add(slot::WorkerCounter::kResponses4xx);
        return;
    case 5:
        counters_.add(slot::WorkerCounter::kResponses5xx);
        return;
    default:
        return;
    }
}

} // namespace zcomet::webnode::request

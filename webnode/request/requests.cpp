#include "webnode/request/requests.hpp"

#include "topology/base/random.hpp"
#include "topology/http/chunks.hpp"
#include "webnode/format/formats.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

namespace zcomet::webnode::request {

namespace {

constexpr std::size_t kBufferBytes = 65'536;

constexpr int kBadRequest = 400;
constexpr int kRequestTimeout = 408;
constexpr int kUnavailable = 503;
constexpr int kGatewayTimeout = 504;

/// Connections of the HandshakeQueue that are read in a turn. Most have a part of a handshake, and
/// the turn's time for those ends first.
/// @limit waiting TLS connections that are read in a turn
constexpr int kQueuedReadsMax = 256;
/// Reads for one event, so that a fast uploader does not keep others waiting.
constexpr int kReadsMax = 4;

/// `earlier` if `bytes` are in it, else a copy of them.
std::string take_all(std::string earlier, std::string_view bytes) {
    return earlier.empty() ? std::string(bytes) : std::move(earlier);
}

/// The error of the socket; 0 if both sides have ended it.
int socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

} // namespace

Requests::Requests(connection::Connections& connections, stream::StreamOpener& streams,
                   std::vector<Route> routes, metrics::Counters<slot::WorkerCounter>& counters,
                   RequestLimits limits)
    : unfinished_(limits.bytes_max), connections_(connections), table_(connections.table()),
      streams_(streams), counters_(counters), routes_(std::move(routes), random_u64()),
      random_(static_cast<std::minstd_rand::result_type>(random_u64())),
      layers_(connections, counters, unfinished_),
      waits_(connections, unfinished_,
             {limits.deadline, kIdleMax, kLaterMax, kFlushMax, kLingerMax}),
      answers_(connections, counters, waits_, layers_, unfinished_),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {
    connections_.add_listener(*this);
}

Requests::~Requests() {
    connections_.remove_listener(*this);
}

void Requests::on_accepted(int fd, Time now, std::uint16_t origin) {
    const connection::Handle handle = table_.add(fd, origin);
    if (read(handle, now) == After::kOver) {
        return;
    }
    if (waits_.find(handle) != nullptr) {
        return;
    }
    if (RequestInput* input = waits_.make(handle)) {
        waits_.begin(handle, *input, Wait::kRequest, now);
    }
}

void Requests::on_event(connection::Handle handle, std::uint32_t events, Time now) {
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
        on_stream_input(handle, *connection, now);
    }
}

void Requests::on_readable(connection::Handle handle, bool ended, Time now) {
    connection::Connection* connection = table_.find(handle);
    const Wait wait = waits_.find(*connection)->wait;
    if (wait == Wait::kLinger || wait == Wait::kFlush) {
        const bool is_open = connections_.discard_input(handle, *connection);
        if (is_open && ended && wait == Wait::kLinger) {
            connections_.close(handle, connection::CloseReason::kDone);
        }
        return;
    }
    if (wait == Wait::kLater) {
        waits_.find(*connection)->has_more = true;
    }
    const bool is_reading = wait != Wait::kLater && read(handle, now) == After::kReading;
    if (!ended) {
        return;
    }
    const RequestInput* input = waits_.find(handle);
    if (is_reading || (input != nullptr && input->wait == Wait::kLater)) {
        connections_.close(handle, connection::CloseReason::kPeer);
    }
}

void Requests::on_close(connection::Handle handle, connection::Connection& connection) {
    waits_.release(connection);
    stream_input_.forget(handle);
    layers_.forget(handle);
}

void Requests::on_stream_input(connection::Handle handle, connection::Connection& connection,
                               Time now) {
    for (int reads = 0; reads < kReadsMax; ++reads) {
        const ssize_t got = ::recv(connection.fd(), buffer_.get(), kBufferBytes, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            connections_.close(handle, connection::CloseReason::kPeer);
            return;
        }
        const auto count = static_cast<std::size_t>(got);
        std::optional<layer::Taken> taken(layer::Taken{.text = {buffer_.get(), count}});
        if (layers_.any(handle)) {
            taken = unwrap(handle, taken->text, now);
        }
        if (!taken || (!taken->text.empty() && !pass_to_format(handle, taken->text, now))) {
            return;
        }
        if (taken->after == layer::Taken::After::kEnded) {
            connections_.close(handle, connection::CloseReason::kPeer);
            return;
        }
        if (count < kBufferBytes) {
            return;
        }
    }
    connections_.read_again_later(handle, connection);
}

bool Requests::pass_to_format(connection::Handle handle, std::string_view bytes, Time now) {
    connection::Connection& connection = *table_.find(handle);
    const StreamInput::Heard heard = stream_input_.hear(handle, connection, bytes);
    if (heard.after == StreamInput::After::kTooMuch) {
        counters_.add(slot::WorkerCounter::kInputCloses);
        connections_.note(connection, connection::Incident::kInput);
        end_stream(handle, connection);
        return false;
    }
    if (!heard.answer.empty() && !connections_.write(handle, connection, heard.answer)) {
        return false;
    }
    if (heard.after == StreamInput::After::kEnds) {
        end_stream(handle, connection);
        return false;
    }
    if (heard.kept_bytes > 0 && !answers_.make_room(handle, heard.kept_bytes, now)) {
        shed_stream(handle);
        return false;
    }
    return true;
}

void Requests::end_stream(connection::Handle handle, connection::Connection& connection) {
    const std::string end = end_of(handle, connection);
    if (end.empty() || connections_.write(handle, connection, end)) {
        connections_.close_when_written(handle, connection);
    }
}

std::string Requests::end_of(connection::Handle handle, const connection::Connection& connection) {
    auto poll = polls_ == nullptr ? std::nullopt : polls_->end(handle);
    if (poll) {
        poll->form.keeps_connection = false;
        const http::Answer answer = http::late_answer(poll->reply, poll->form);
        answers_.count(connection, answer.status);
        counters_.add(slot::WorkerCounter::kChunksWritten, poll->messages);
        return answer.bytes;
    }
    const format::Form form = format::Form::unpack(connection.form());
    return std::string(format::format_at(form.format).farewell(form.framing));
}

void Requests::answer_polls(Time now) {
    polls_->turn(now, [this, now](connection::Handle handle) { answer_poll(handle, now); });
}

/// What the browser sends on an open poll ends it, so nothing is unread.
void Requests::answer_poll(connection::Handle handle, Time now) {
    auto poll = polls_->end(handle);
    streams_.close(handle);
    poll->form.keeps_connection = poll->form.keeps_connection && !closes_connections_;
    const http::Answer answer = http::late_answer(poll->reply, poll->form);
    answers_.count(*table_.find(handle), answer.status);
    const bool is_written = connections_.write(handle, *table_.find(handle), answer.bytes);
    counters_.add(is_written ? slot::WorkerCounter::kChunksWritten
                             : slot::WorkerCounter::kChunksDropped,
                  poll->messages);
    if (!is_written) {
        return;
    }
    if (answer.keeps_connection) {
        static_cast<void>(keep_rest(handle, {}, {}, true, now));
    } else {
        answers_.end(handle, false, now);
    }
}

After Requests::read(connection::Handle handle, Time now) {
    for (int reads = 0; reads < kReadsMax; ++reads) {
        if (has_to_wait(handle, now)) {
            return wait_for_handshake(handle, now);
        }
        const ssize_t got =
            ::recv(table_.find(handle)->fd(), buffer_.get(), kBufferBytes, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return After::kReading;
        }
        if (got <= 0) {
            connections_.close(handle, connection::CloseReason::kPeer);
            return After::kOver;
        }
        const auto count = static_cast<std::size_t>(got);
        const bool is_empty = count < kBufferBytes; // a short read has emptied the socket
        if (take(handle, {buffer_.get(), count}, now) == After::kOver) {
            note_more(handle, !is_empty);
            return After::kOver;
        }
        if (is_empty) {
            return After::kReading;
        }
    }
    connections_.read_again_later(handle, *table_.find(handle));
    return After::kReading;
}

bool Requests::has_to_wait(connection::Handle handle, Time now) const {
    if (!connections_.awaits_handshake(handle)) {
        return false;
    }
    const bool is_under_way = connections_.secured().is_shaking_hands(handle.index);
    return connections_.secured().is_out_of_time(now) ||
           (!is_in_turn_ && handshakes_.has_before(is_under_way));
}

/// Epoll could report all that wait again in each turn. With a thousand of them that cost more than
/// the turn's handshakes.
After Requests::wait_for_handshake(connection::Handle handle, Time now) {
    RequestInput* const input = waits_.make(handle);
    if (input == nullptr) {
        return After::kOver;
    }
    if (input->deadline == kNever) {
        waits_.begin(handle, *input, Wait::kRequest, now);
    }
    if (!std::exchange(input->is_queued, true)) {
        handshakes_.push(handle, connections_.secured().is_shaking_hands(handle.index));
    }
    return After::kReading;
}

void Requests::go_on_with_handshakes(Time now) {
    is_in_turn_ = true;
    for (int left = kQueuedReadsMax; left > 0 && !handshakes_.empty(); --left) {
        if (connections_.secured().is_out_of_time(now)) {
            break;
        }
        const connection::Handle handle = *handshakes_.pop();
        RequestInput* const input = waits_.find(handle);
        if (input != nullptr && std::exchange(input->is_queued, false) &&
            input->wait == Wait::kRequest) {
            static_cast<void>(read(handle, now));
        }
    }
    is_in_turn_ = false;
}

/// Epoll reports input once, and does not again when the answer lets its reading go on.
void Requests::note_more(connection::Handle handle, bool has_more) {
    RequestInput* const input = waits_.find(handle);
    if (input != nullptr && input->wait == Wait::kLater) {
        input->has_more = has_more;
    }
}

After Requests::take(connection::Handle handle, std::string_view bytes, Time now) {
    if (!layers_.any(handle)) {
        return serve(handle, bytes, now);
    }
    const auto taken = unwrap(handle, bytes, now);
    if (!taken) {
        write_held(handle);
        return After::kOver;
    }
    const bool has_text = !taken->text.empty() || taken->begins;
    const After after = has_text ? serve(handle, taken->text, now, taken->begins) : After::kReading;
    write_held(handle);
    const connection::Connection* const connection = table_.find(handle);
    const bool is_left =
        connection != nullptr && (after == After::kReading || connection->parked());
    if (taken->after == layer::Taken::After::kEnded && is_left) {
        connections_.close(handle, connection::CloseReason::kPeer);
        return After::kOver;
    }
    return connection == nullptr ? After::kOver : after;
}

void Requests::write_held(connection::Handle handle) {
    if (connection::Connection* const connection = table_.find(handle)) {
        static_cast<void>(connections_.write_held(handle, *connection));
    }
}

std::optional<layer::Taken> Requests::unwrap(connection::Handle handle, std::string_view bytes,
                                             Time now) {
    const layer::Taken taken = layers_.take(handle, bytes, now);
    switch (taken.after) {
    case layer::Taken::After::kClosed:
        return std::nullopt;
    case layer::Taken::After::kRefused:
        answers_.refuse(handle, kBadRequest, false, now);
        return std::nullopt;
    case layer::Taken::After::kFull:
        static_cast<void>(answers_.refuse_full(handle, false, now));
        return std::nullopt;
    case layer::Taken::After::kFailed:
        if (table_.find(handle)->parked()) {
            connections_.close(handle, connection::CloseReason::kPeer);
        } else {
            answers_.end(handle, true, now);
        }
        return std::nullopt;
    case layer::Taken::After::kOpen:
    case layer::Taken::After::kEnded:
        break;
    }
    return taken.keeps && !keep_layer(handle, now) ? std::nullopt : std::optional(taken);
}

bool Requests::keep_layer(connection::Handle handle, Time now) {
    const bool is_stream = table_.find(handle)->parked();
    if (!is_stream) {
        RequestInput* const input = waits_.make(handle);
        if (input == nullptr) {
            return false;
        }
        if (input->deadline == kNever) {
            waits_.begin(handle, *input, Wait::kRequest, now);
        }
    }
    if (answers_.make_room(handle, answers_.unfinished_of(handle), now)) {
        return true;
    }
    if (is_stream) {
        shed_stream(handle);
    } else {
        answers_.shed(handle, now);
    }
    return false;
}

After Requests::serve(connection::Handle handle, std::string_view bytes, Time now, bool begins) {
    std::string earlier;
    http::RequestReader reader;
    if (RequestInput* input = waits_.find(handle)) {
        reader = input->reader;
        earlier = unfinished_.take(input->bytes);
    }
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    bool answered = begins;
    while (!bytes.empty()) {
        const http::RequestReader::Outcome outcome = reader.read(bytes);
        if (outcome.verdict == http::RequestReader::Verdict::kRefuse) {
            answers_.refuse(handle, outcome.status, reader.is_head(), now);
            return After::kOver;
        }
        if (reader.take_body_wish()) {
            if (!layers_.proxies().place(handle, bytes.substr(0, reader.head_bytes()), now)) {
                return answers_.refuse_full(handle, reader.is_head(), now);
            }
            const auto refusal =
                routes_.refuse_body(bytes.substr(0, reader.head_bytes()), reader.body_bytes(),
                                    table_.find(handle)->origin());
            if (refusal) {
                counters_.add(slot::WorkerCounter::kRequests);
                answers_.count(*table_.find(handle), refusal->status);
                return answers_.write(handle, *refusal, true, now);
            }
        }
        if (outcome.verdict == http::RequestReader::Verdict::kNeedMore) {
            break;
        }
        const std::string_view request = bytes.substr(0, outcome.length);
        bytes.remove_prefix(outcome.length);
        const std::string joined =
            reader.is_chunked() ? http::join_chunks(request, reader.head_bytes()) : std::string();
        if (answer(handle, reader.is_chunked() ? joined : request, bytes, now) == After::kOver) {
            return After::kOver;
        }
        reader = {};
        answered = true;
    }
    const bool wants_continue = reader.take_continue_wish();
    if (wants_continue && !connections_.write(handle, *table_.find(handle), http::kContinue)) {
        return After::kOver;
    }
    // Moved, not copied: a large body may come in very many small pieces.
    return keep_rest(handle, answered ? std::string(bytes) : take_all(std::move(earlier), bytes),
                     reader, answered, now);
}

After Requests::keep_rest(connection::Handle handle, std::string rest,
                          const http::RequestReader& reader, bool answered, Time now) {
    RequestInput* input = waits_.make(handle);
    if (input == nullptr) {
        return After::kOver;
    }
    unfinished_.keep(input->bytes, std::move(rest));
    input->reader = reader;
    // A request that goes on arriving keeps its deadline: a byte now and then does not extend it.
    const bool goes_on = !answered && input->wait == Wait::kRequest && input->deadline != kNever;
    if (!goes_on) {
        waits_.begin(handle, *input, input->bytes.empty() ? Wait::kIdle : Wait::kRequest, now);
    }
    if (!answers_.make_room(handle, layer::UnfinishedBytes::memory_of(input->bytes), now)) {
        answers_.shed(handle, now);
        return After::kOver;
    }
    return After::kReading;
}

After Requests::answer(connection::Handle handle, std::string_view request, std::string_view rest,
                       Time now) {
    if (!layers_.proxies().place(handle, request, now)) {
        return answers_.refuse_full(handle, request.starts_with("HEAD "), now);
    }
    Outcome outcome;
    http::Answer answer =
        routes_.handle(request, {handle, last_ticket_ + 1}, outcome, table_.find(handle)->origin());
    counters_.add(slot::WorkerCounter::kRequests);
    if (outcome.is_later) {
        ++last_ticket_;
        wait_for_answer(handle, answer.form, rest, now);
        return After::kOver;
    }
    return carry_out(handle, outcome, std::move(answer), rest, !rest.empty(), now);
}

After Requests::carry_out(connection::Handle handle, const Outcome& outcome, http::Answer answer,
                          std::string_view rest, bool unread, Time now) {
    if (outcome.poll) {
        open_poll(handle, outcome, std::move(answer.form), rest, now);
        return After::kOver;
    }
    if (outcome.is_no_stream_now) {
        counters_.add(slot::WorkerCounter::kStreamsRefused);
    }
    answers_.count(*table_.find(handle), answer.status);
    if (outcome.format != nullptr) {
        open_stream(handle, outcome, std::move(answer.bytes));
        return After::kOver;
    }
    return answers_.write(handle, answer, unread, now);
}

void Requests::wait_for_answer(connection::Handle handle, const http::AnswerForm& form,
                               std::string_view rest, Time now) {
    if (RequestInput* input = waits_.make(handle)) {
        unfinished_.keep(input->bytes, std::string(rest));
        input->reader = {};
        input->form = form;
        input->ticket = last_ticket_;
        waits_.begin(handle, *input, Wait::kLater, now);
        if (!answers_.make_room(handle, layer::UnfinishedBytes::memory_of(input->bytes), now)) {
            answers_.shed(handle, now);
        }
    }
}

RequestInput* Requests::awaiting(Ticket ticket) {
    RequestInput* const input = waits_.find(ticket.connection);
    const bool is_awaited =
        input != nullptr && input->wait == Wait::kLater && input->ticket == ticket.number;
    return is_awaited ? input : nullptr;
}

Requests::Left Requests::end_wait(RequestInput& input) {
    input.wait = Wait::kRequest;
    input.deadline = kNever;
    return {unfinished_.take(input.bytes), std::exchange(input.has_more, false)};
}

void Requests::serve_left(connection::Handle handle, const Left& left, Time now) {
    if (serve(handle, left.rest, now) == After::kOver) {
        note_more(handle, left.has_more);
    } else if (left.has_more) {
        static_cast<void>(read(handle, now));
    }
}

bool Requests::finish(Ticket ticket, const http::Reply& reply, Time now) {
    RequestInput* const input = awaiting(ticket);
    if (input == nullptr) {
        return false;
    }
    const connection::Handle handle = ticket.connection;
    const connection::Connection& connection = *table_.find(handle);
    input->form.keeps_connection = input->form.keeps_connection && !closes_connections_;
    const http::Answer answer = http::late_answer(reply, input->form);
    answers_.count(connection, answer.status);
    const Left left = end_wait(*input);
    const bool unread =
        !left.rest.empty() || (!answer.keeps_connection && connections_.has_input(connection));
    if (answers_.write(handle, answer, unread, now) == After::kReading) {
        serve_left(handle, left, now);
    }
    return true;
}

bool Requests::go_on(Ticket ticket, std::string_view request, const Verdict& verdict, Time now) {
    RequestInput* const input = awaiting(ticket);
    if (input == nullptr) {
        return false;
    }
    const connection::Handle handle = ticket.connection;
    const Left left = end_wait(*input);
    Outcome outcome;
    http::Answer answer =
        routes_.handle(request, ticket, outcome, table_.find(handle)->origin(), &verdict);
    const bool unread = !left.rest.empty() ||
                        (!answer.keeps_connection && connections_.has_input(*table_.find(handle)));
    if (carry_out(handle, outcome, std::move(answer), left.rest, unread, now) == After::kReading) {
        serve_left(handle, left, now);
        return true;
    }
    connection::Connection* const connection = table_.find(handle);
    if (left.has_more && connection != nullptr && connection->parked()) {
        connections_.read_again_later(handle, *connection);
    }
    return true;
}

void Requests::close_connections() {
    closes_connections_ = true;
    routes_.close_connections();
}

void Requests::end_if_idle(connection::Handle handle, connection::Connection& connection) {
    const RequestInput* const input = waits_.find(connection);
    const bool is_idle = input != nullptr && input->wait == Wait::kIdle &&
                         !connections_.has_output(connection) &&
                         !connections_.has_input(connection);
    if (is_idle) {
        connections_.close(handle, connection::CloseReason::kDone);
    }
}

void Requests::move_stream(connection::Handle handle, connection::Connection& connection,
                           Time now) {
    counters_.add(slot::WorkerCounter::kStreamsMoved);
    if (polls_ != nullptr && polls_->has(handle)) {
        answer_poll(handle, now);
        return;
    }
    const format::Form form = format::Form::unpack(connection.form());
    const format::StreamFormat& format = format::format_at(form.format);
    std::string end;
    format.append_move(end, static_cast<std::uint32_t>(random_()), form.framing);
    end.append(format.farewell(form.framing));
    if (!end.empty() && !connections_.write(handle, connection, end)) {
        counters_.add(slot::WorkerCounter::kStreamsCut);
        return;
    }
    const bool unread = connections_.has_input(connection);
    if (!unread && !connections_.has_output(connection)) {
        connections_.close(handle, connection::CloseReason::kDone);
        return;
    }
    // No message may follow the farewell.
    connections_.note_over(handle, connection);
    connections_.mark_farewell(connection);
    stream_input_.forget(handle);
    streams_.close(handle);
    answers_.end(handle, unread, now);
}

void Requests::tell_end(connection::Handle handle, connection::Connection& connection) {
    counters_.add(slot::WorkerCounter::kStreamsMoved);
    const std::string end = end_of(handle, connection);
    if (!end.empty() && !connections_.write(handle, connection, end)) {
        counters_.add(slot::WorkerCounter::kStreamsCut);
        return;
    }
    connections_.mark_farewell(connection);
    connections_.close_when_written(handle, connection);
}

void Requests::end_all() {
    table_.for_each_connection(
        [this](connection::Handle handle, connection::Connection& connection) {
            if (connection.parked()) {
                tell_end(handle, connection);
                return;
            }
            const RequestInput* input = waits_.find(connection);
            if (input == nullptr || input->wait != Wait::kLater) {
                connections_.close(handle, connection::CloseReason::kDone);
                return;
            }
            answers_.count(connection, kUnavailable);
            const std::string answer = http::error_answer(kUnavailable, input->form.is_head);
            // Unread input would make the close a reset, which can overtake the answer.
            if (connections_.discard_input(handle, connection) &&
                connections_.write(handle, connection, answer)) {
                connections_.close_when_written(handle, connection);
            }
        });
}

void Requests::end_if_stream(connection::Handle handle, connection::Connection& connection) {
    if (!connection.parked()) {
        return;
    }
    end_stream(handle, connection);
    if (table_.find(handle) != nullptr) {
        connections_.close(handle, connection::CloseReason::kDone);
    }
}

void Requests::end_expired(connection::Handle handle, connection::Connection& connection) {
    counters_.add(slot::WorkerCounter::kTokenEnds);
    const format::Form form = format::Form::unpack(connection.form());
    std::string words;
    format::format_at(form.format)
        .append_come_back(words, static_cast<std::uint32_t>(random_()), form.framing);
    if (words.empty() || connections_.write(handle, connection, words)) {
        end_if_stream(handle, connection);
    }
}

void Requests::open_stream(connection::Handle handle, const Outcome& outcome, std::string head) {
    waits_.release(*table_.find(handle));
    const format::Form form{format::index_of(*outcome.format), outcome.framing};
    if (!streams_.open(handle, outcome.ids.list(), form.packed(), outcome.beginning)) {
        return;
    }
    head.append(outcome.greeting);
    // If the browser is gone already, this logs the id out again at once.
    static_cast<void>(connections_.write(handle, *table_.find(handle), head));
}

void Requests::open_poll(connection::Handle handle, const Outcome& outcome, http::AnswerForm form,
                         std::string_view rest, Time now) {
    waits_.release(*table_.find(handle));
    // Requests that came after it are lost with the connection, and their client sends them again.
    form.keeps_connection = form.keeps_connection && rest.empty();
    static_cast<void>(streams_.open_poll(handle, outcome.ids.list(), outcome.beginning,
                                         {std::move(form), now + *outcome.poll}));
}

void Requests::shed_stream(connection::Handle handle) {
    connection::Connection& connection = *table_.find(handle);
    counters_.add(slot::WorkerCounter::kRequestsShed);
    connections_.note(connection, connection::Incident::kShed);
    end_stream(handle, connection);
}

void Requests::sweep(Time now) {
    waits_.sweep(now, [this, now](connection::Handle handle, const RequestInput& input) {
        on_deadline(handle, input, now);
    });
    go_on_with_handshakes(now);
}

void Requests::on_deadline(connection::Handle handle, const RequestInput& input, Time now) {
    switch (input.wait) {
    case Wait::kRequest:
        if (input.bytes.empty() && !layers_.keeps_plain(handle)) {
            // Browsers open connections in advance, and would show an unrequested 408 as a page.
            connections_.close(handle, connection::CloseReason::kDeadline);
            return;
        }
        counters_.add(slot::WorkerCounter::kDeadlineCloses);
        answers_.refuse(handle, kRequestTimeout, input.reader.is_head(), now);
        return;
    case Wait::kLater:
        finish({handle, input.ticket}, http::error_reply(kGatewayTimeout), now);
        return;
    case Wait::kFlush:
        connections_.close(handle, connection::CloseReason::kSlow);
        return;
    case Wait::kIdle:
    case Wait::kLinger:
        connections_.close(handle, connection::CloseReason::kDone);
        return;
    }
}

} // namespace zcomet::webnode::request

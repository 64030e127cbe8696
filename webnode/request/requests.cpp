#include "webnode/request/requests.hpp"

#include "topology/base/random.hpp"
#include "topology/http/chunks.hpp"
#include "topology/http/forwarded.hpp"
#include "topology/http/page_guard.hpp"
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
constexpr int kTooManyRequests = 429;
constexpr int kUnavailable = 503;
constexpr int kGatewayTimeout = 504;

/// How much of a browser's input a format may leave unused: a frame with the longest message fits.
/// @limit bytes of a stream's input that its format has not used yet
constexpr std::size_t kStreamInputBytesMax = 131'072;
/// To a client that speaks HTTP to a port that wants TLS.
constexpr std::string_view kPlainWords = "this port speaks https only";
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
      deadlines_{connection::DeadlineQueue(limits.deadline), connection::DeadlineQueue(kIdleMax),
                 connection::DeadlineQueue(kLaterMax), connection::DeadlineQueue(kFlushMax),
                 connection::DeadlineQueue(kLingerMax)},
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
    if (input_of(*table_.find(handle)) != nullptr) {
        return;
    }
    if (RequestInput* input = make_input(handle)) {
        set_wait(handle, *input, Wait::kRequest, now);
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
    const Wait wait = input_of(*connection)->wait;
    if (wait == Wait::kLinger || wait == Wait::kFlush) {
        const bool is_open = connections_.discard_input(handle, *connection);
        if (is_open && ended && wait == Wait::kLinger) {
            connections_.close(handle, connection::CloseReason::kDone);
        }
        return;
    }
    if (wait == Wait::kLater) {
        input_of(*connection)->has_more = true;
    }
    const bool is_reading = wait != Wait::kLater && read(handle, now) == After::kReading;
    if (!ended) {
        return;
    }
    connection = table_.find(handle);
    const RequestInput* input = connection == nullptr ? nullptr : input_of(*connection);
    if (is_reading || (input != nullptr && input->wait == Wait::kLater)) {
        connections_.close(handle, connection::CloseReason::kPeer);
    }
}

void Requests::on_close(connection::Handle handle, connection::Connection& connection) {
    if (clients_ != nullptr) {
        clients_->end(connection.fd());
    }
    release_input(connection);
    stream_inputs_.forget(handle);
    if (connections_.is_secured()) {
        raw_inputs_.forget(handle);
        unfinished_.set_beside(connections_.secured().handshake_bytes());
    }
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
        std::optional<std::string_view> text({buffer_.get(), count});
        bool has_ended = false;
        if (connections_.is_secured()) {
            text = decrypt(handle, *text, has_ended, now);
        }
        if (!text || (!text->empty() && !pass_to_format(handle, *text, now))) {
            return;
        }
        if (has_ended) {
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
    std::string earlier = stream_inputs_.take(handle);
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    const format::Form form = format::Form::unpack(connection.form());
    std::string out;
    const format::Input input = format::format_at(form.format).on_input(bytes, out);
    if (input.is_unwanted && !tolerate(handle, input.used)) {
        return false;
    }
    bytes.remove_prefix(input.used);
    if (!out.empty() && !connections_.write(handle, connection, out)) {
        return false;
    }
    if (input.ends || bytes.size() > kStreamInputBytesMax) {
        end_stream(handle, connection);
        return false;
    }
    if (bytes.empty()) {
        return true;
    }
    const std::size_t kept = stream_inputs_.keep(handle, std::string(bytes));
    if (!make_room(handle, kept, now)) {
        counters_.add(slot::WorkerCounter::kRequestsShed);
        connections_.note(connection, connection::Incident::kShed);
        end_stream(handle, connection);
        return false;
    }
    return true;
}

bool Requests::tolerate(connection::Handle handle, std::size_t bytes) {
    if (stream_inputs_.tolerates(handle, bytes)) {
        return true;
    }
    counters_.add(slot::WorkerCounter::kInputCloses);
    connections_.note(*table_.find(handle), connection::Incident::kInput);
    end_stream(handle, *table_.find(handle));
    return false;
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
        count_response(connection, answer.status);
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
    const auto poll = polls_->end(handle);
    streams_.close_poll(handle);
    const http::Answer answer = http::late_answer(poll->reply, poll->form);
    count_response(*table_.find(handle), answer.status);
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
        end(handle, false, now);
    }
}

Requests::After Requests::read(connection::Handle handle, Time now) {
    for (int reads = 0; reads < kReadsMax; ++reads) {
        connection::Connection* connection = table_.find(handle);
        if (connections_.has_to_wait(handle, now)) {
            if (input_of(*connection) != nullptr) { // else it will be watched, and reported again
                connections_.read_again_later(handle, *connection);
            }
            return After::kReading;
        }
        const ssize_t got = ::recv(connection->fd(), buffer_.get(), kBufferBytes, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            return After::kReading;
        }
        if (got <= 0) {
            connections_.close(handle, connection::CloseReason::kPeer);
            return After::kOver;
        }
        const auto count = static_cast<std::size_t>(got);
        const bool is_empty = count < kBufferBytes; // a short read has emptied the socket
        if (take_raw(handle, {buffer_.get(), count}, now) == After::kOver) {
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

/// Epoll reports input once, and does not again when the answer lets its reading go on.
void Requests::note_more(connection::Handle handle, bool has_more) {
    const connection::Connection* connection = table_.find(handle);
    RequestInput* input = connection == nullptr ? nullptr : input_of(*connection);
    if (input != nullptr && input->wait == Wait::kLater) {
        input->has_more = has_more;
    }
}

Requests::After Requests::take_raw(connection::Handle handle, std::string_view bytes, Time now) {
    if (!connections_.is_secured()) {
        return serve(handle, bytes, now);
    }
    if (clients_ == nullptr || !clients_->awaits_header(table_.find(handle)->fd())) {
        return take_records(handle, bytes, now);
    }
    // It comes before all that is encrypted.
    std::string earlier = raw_inputs_.take(handle);
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    const net::ProxyHeader header = net::read_proxy_header(bytes);
    if (header.verdict == net::ProxyHeader::Verdict::kNeedMore) {
        return keep_raw(handle, bytes, now) ? After::kReading : After::kOver;
    }
    if (!take_header(handle, header, now)) {
        return After::kOver;
    }
    bytes.remove_prefix(header.bytes);
    return bytes.empty() ? After::kReading : take_records(handle, bytes, now);
}

Requests::After Requests::take_records(connection::Handle handle, std::string_view bytes,
                                       Time now) {
    bool has_ended = false;
    const auto text = decrypt(handle, bytes, has_ended, now);
    if (!text) {
        return After::kOver;
    }
    const After after = text->empty() ? After::kReading : serve(handle, *text, now);
    const connection::Connection* const connection = table_.find(handle);
    const bool is_left =
        connection != nullptr && (after == After::kReading || connection->parked());
    if (has_ended && is_left) {
        connections_.close(handle, connection::CloseReason::kPeer);
        return After::kOver;
    }
    return after;
}

std::optional<std::string_view> Requests::decrypt(connection::Handle handle, std::string_view bytes,
                                                  bool& has_ended, Time now) {
    std::string earlier = raw_inputs_.take(handle);
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    const auto received = connections_.decrypt(handle, *table_.find(handle), bytes, now);
    unfinished_.set_beside(connections_.secured().handshake_bytes());
    if (!received) {
        return std::nullopt;
    }
    switch (received->after) {
    case connection::Secured::After::kNotTls:
        refuse_plain(handle, bytes, now);
        return std::nullopt;
    case connection::Secured::After::kFailed:
        if (table_.find(handle)->parked()) {
            connections_.close(handle, connection::CloseReason::kPeer);
        } else {
            end(handle, true, now);
        }
        return std::nullopt;
    case connection::Secured::After::kEnded:
        has_ended = true;
        return received->text;
    case connection::Secured::After::kOpen:
        break;
    }
    bytes.remove_prefix(received->used);
    const bool has_more = !bytes.empty() || connections_.secured().is_shaking_hands(handle.index);
    return has_more && !keep_raw(handle, bytes, now) ? std::nullopt : std::optional(received->text);
}

bool Requests::keep_raw(connection::Handle handle, std::string_view bytes, Time now) {
    const bool is_stream = table_.find(handle)->parked();
    if (!is_stream) {
        RequestInput* const input = make_input(handle);
        if (input == nullptr) {
            return false;
        }
        if (input->deadline == kNever) {
            set_wait(handle, *input, Wait::kRequest, now);
        }
    }
    if (!bytes.empty()) {
        raw_inputs_.keep(handle, std::string(bytes));
    }
    if (make_room(handle, unfinished_of(handle), now)) {
        return true;
    }
    if (is_stream) {
        counters_.add(slot::WorkerCounter::kRequestsShed);
        connections_.note(*table_.find(handle), connection::Incident::kShed);
        end_stream(handle, *table_.find(handle));
    } else {
        shed(handle, now);
    }
    return false;
}

void Requests::refuse_plain(connection::Handle handle, std::string_view bytes, Time now) {
    const bool is_http = bytes.front() >= 'A' && bytes.front() <= 'Z';
    const std::string answer =
        is_http ? http::late_answer(http::error_reply(kBadRequest, kPlainWords), {}).bytes
                : std::string();
    if (connections_.write_raw(handle, *table_.find(handle), answer)) {
        end(handle, true, now);
    }
}

std::size_t Requests::unfinished_of(connection::Handle handle) const {
    const connection::Connection& connection = table_.at(handle.index);
    std::size_t bytes = connection.input() == store::kNoIndex
                            ? 0
                            : UnfinishedBytes::memory_of(inputs_[connection.input()].bytes);
    if (connections_.is_secured()) {
        bytes += raw_inputs_.memory_of(handle);
        bytes += connections_.secured().is_shaking_hands(handle.index) ? tls::Handshake::kBytes : 0;
    }
    return bytes;
}

Requests::After Requests::serve(connection::Handle handle, std::string_view bytes, Time now) {
    std::string earlier;
    http::RequestReader reader;
    if (RequestInput* input = input_of(*table_.find(handle))) {
        reader = input->reader;
        earlier = unfinished_.take(input->bytes);
    }
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    bool answered = false;
    if (clients_ != nullptr && clients_->awaits_header(table_.find(handle)->fd())) {
        const net::ProxyHeader header = net::read_proxy_header(bytes);
        if (header.verdict == net::ProxyHeader::Verdict::kNeedMore) {
            return keep_rest(handle, take_all(std::move(earlier), bytes), reader, false, now);
        }
        if (!take_header(handle, header, now)) {
            return After::kOver;
        }
        bytes.remove_prefix(header.bytes);
        answered = true; // a request begins now
    }
    while (!bytes.empty()) {
        const http::RequestReader::Outcome outcome = reader.read(bytes);
        if (outcome.verdict == http::RequestReader::Verdict::kRefuse) {
            refuse(handle, outcome.status, reader.is_head(), now);
            return After::kOver;
        }
        if (reader.take_body_wish()) {
            if (!place_client(handle, bytes.substr(0, reader.head_bytes()), now)) {
                return answer_full(handle, reader.is_head(), now);
            }
            const auto refusal =
                routes_.refuse_body(bytes.substr(0, reader.head_bytes()), reader.body_bytes(),
                                    table_.find(handle)->origin());
            if (refusal) {
                counters_.add(slot::WorkerCounter::kRequests);
                count_response(*table_.find(handle), refusal->status);
                return write_answer(handle, *refusal, true, now);
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

bool Requests::take_header(connection::Handle handle, const net::ProxyHeader& header, Time now) {
    connection::Connection& connection = *table_.find(handle);
    if (header.verdict == net::ProxyHeader::Verdict::kRefuse) {
        counters_.add(slot::WorkerCounter::kProxyRefusals);
        refuse(handle, kBadRequest, false, now);
        return false;
    }
    clients_->take_header(connection.fd(), header.client);
    const bool has_place =
        clients_->is_of_proxy(connection.fd()) || place_(connection, header.client->address, now);
    if (!has_place) {
        static_cast<void>(answer_full(handle, false, now));
    }
    return has_place;
}

bool Requests::place_client(connection::Handle handle, std::string_view request, Time now) {
    connection::Connection& connection = *table_.find(handle);
    if (clients_ == nullptr || !clients_->is_of_proxy(connection.fd())) {
        return true;
    }
    const auto client = http::forwarded_for(request, clients_->trusted());
    clients_->set_client(connection.fd(), client);
    return place_(connection, client, now);
}

/// Not 503: a proxy would take the whole node for one that has no room, because of one client.
Requests::After Requests::answer_full(connection::Handle handle, bool is_head, Time now) {
    const http::Answer answer = http::late_answer(
        try_again(kTooManyRequests, connection::kAddressFullWords), {.is_head = is_head});
    counters_.add(slot::WorkerCounter::kRequests);
    count_response(*table_.find(handle), answer.status);
    return write_answer(handle, answer, true, now);
}

Requests::After Requests::keep_rest(connection::Handle handle, std::string rest,
                                    const http::RequestReader& reader, bool answered, Time now) {
    RequestInput* input = make_input(handle);
    if (input == nullptr) {
        return After::kOver;
    }
    unfinished_.keep(input->bytes, std::move(rest));
    input->reader = reader;
    // A request that goes on arriving keeps its deadline: a byte now and then does not extend it.
    const bool goes_on = !answered && input->wait == Wait::kRequest && input->deadline != kNever;
    if (!goes_on) {
        set_wait(handle, *input, input->bytes.empty() ? Wait::kIdle : Wait::kRequest, now);
    }
    if (!make_room(handle, UnfinishedBytes::memory_of(input->bytes), now)) {
        shed(handle, now);
        return After::kOver;
    }
    return After::kReading;
}

Requests::After Requests::answer(connection::Handle handle, std::string_view request,
                                 std::string_view rest, Time now) {
    if (!place_client(handle, request, now)) {
        return answer_full(handle, request.starts_with("HEAD "), now);
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

Requests::After Requests::carry_out(connection::Handle handle, const Outcome& outcome,
                                    http::Answer answer, std::string_view rest, bool unread,
                                    Time now) {
    if (outcome.poll) {
        open_poll(handle, outcome, std::move(answer.form), rest, now);
        return After::kOver;
    }
    if (outcome.is_no_stream_now) {
        counters_.add(slot::WorkerCounter::kStreamsRefused);
    }
    count_response(*table_.find(handle), answer.status);
    if (outcome.format != nullptr) {
        open_stream(handle, outcome, std::move(answer.bytes));
        return After::kOver;
    }
    return write_answer(handle, answer, unread, now);
}

Requests::After Requests::write_answer(connection::Handle handle, const http::Answer& answer,
                                       bool unread, Time now) {
    if (!connections_.write(handle, *table_.find(handle), answer.bytes)) {
        return After::kOver;
    }
    if (!answer.keeps_connection) {
        end(handle, unread, now);
        return After::kOver;
    }
    return After::kReading;
}

void Requests::wait_for_answer(connection::Handle handle, const http::AnswerForm& form,
                               std::string_view rest, Time now) {
    if (RequestInput* input = make_input(handle)) {
        unfinished_.keep(input->bytes, std::string(rest));
        input->reader = {};
        input->form = form;
        input->ticket = last_ticket_;
        set_wait(handle, *input, Wait::kLater, now);
        if (!make_room(handle, UnfinishedBytes::memory_of(input->bytes), now)) {
            shed(handle, now);
        }
    }
}

RequestInput* Requests::awaiting(Ticket ticket) {
    const connection::Connection* connection = table_.find(ticket.connection);
    RequestInput* input = connection == nullptr ? nullptr : input_of(*connection);
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
    const http::Answer answer = http::late_answer(reply, input->form);
    count_response(connection, answer.status);
    const Left left = end_wait(*input);
    const bool unread =
        !left.rest.empty() || (!answer.keeps_connection && connections_.has_input(connection));
    if (write_answer(handle, answer, unread, now) == After::kReading) {
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

void Requests::end_all() {
    table_.for_each_connection(
        [this](connection::Handle handle, connection::Connection& connection) {
            if (connection.parked()) {
                end_stream(handle, connection);
                return;
            }
            const RequestInput* input = input_of(connection);
            if (input == nullptr || input->wait != Wait::kLater) {
                connections_.close(handle, connection::CloseReason::kDone);
                return;
            }
            count_response(connection, kUnavailable);
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
    release_input(*table_.find(handle));
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
    release_input(*table_.find(handle));
    // Requests that came after it are lost with the connection, and their client sends them again.
    form.keeps_connection = form.keeps_connection && rest.empty();
    static_cast<void>(streams_.open_poll(handle, outcome.ids.list(), outcome.beginning,
                                         {std::move(form), now + *outcome.poll}));
}

void Requests::refuse(connection::Handle handle, int status, bool is_head, Time now) {
    counters_.add(slot::WorkerCounter::kRequests);
    write_error(handle, status, is_head, now);
}

void Requests::write_error(connection::Handle handle, int status, bool is_head, Time now) {
    count_response(*table_.find(handle), status);
    if (connections_.write(handle, *table_.find(handle), http::error_answer(status, is_head))) {
        end(handle, true, now);
    }
}

bool Requests::make_room(connection::Handle in_hand, std::size_t bytes_in_hand, Time now) {
    const auto memory_of = [this](connection::Handle handle, Time deadline) {
        const connection::Connection* connection = table_.find(handle);
        const RequestInput* input = connection == nullptr ? nullptr : input_of(*connection);
        const bool is_unfinished =
            input != nullptr && input->wait == Wait::kRequest && input->deadline == deadline;
        return is_unfinished ? std::optional(unfinished_of(handle)) : std::nullopt;
    };
    while (unfinished_.is_too_much()) {
        const auto largest =
            largest_unfinished(queue_of(Wait::kRequest), in_hand, bytes_in_hand, memory_of);
        if (!largest) {
            return false;
        }
        shed(*largest, now);
    }
    return true;
}

void Requests::shed(connection::Handle handle, Time now) {
    counters_.add(slot::WorkerCounter::kRequestsShed);
    connections_.note(*table_.find(handle), connection::Incident::kShed);
    const RequestInput& input = *input_of(*table_.find(handle));
    if (input.wait == Wait::kLater) { // it is counted as a request already
        write_error(handle, kUnavailable, input.form.is_head, now);
    } else {
        refuse(handle, kUnavailable, input.reader.is_head(), now);
    }
}

void Requests::end(connection::Handle handle, bool unread, Time now) {
    connection::Connection* connection = table_.find(handle);
    const bool flushing = connections_.has_output(*connection);
    if (!flushing && !unread) {
        connections_.close(handle, connection::CloseReason::kDone);
        return;
    }
    if (!flushing) {
        // Closing with unread input would send a reset, which can overtake the answer.
        connections_.end_output(handle, *connection);
    }
    if (connections_.is_secured()) { // what comes from now on is thrown away
        connections_.give_handshake_up(handle);
        raw_inputs_.forget(handle);
        unfinished_.set_beside(connections_.secured().handshake_bytes());
    }
    if (RequestInput* input = make_input(handle)) {
        unfinished_.keep(input->bytes, {});
        set_wait(handle, *input, flushing ? Wait::kFlush : Wait::kLinger, now);
        if (flushing) {
            connections_.close_when_written(handle, *connection);
        }
    }
}

RequestInput* Requests::input_of(const connection::Connection& connection) {
    return connection.input() == store::kNoIndex ? nullptr : &inputs_[connection.input()];
}

RequestInput* Requests::make_input(connection::Handle handle) {
    connection::Connection& connection = *table_.find(handle);
    if (connection.input() == store::kNoIndex) {
        if (!connections_.watch(handle, connection)) {
            return nullptr;
        }
        connection.set_input(inputs_.add());
    }
    return &inputs_[connection.input()];
}

void Requests::release_input(connection::Connection& connection) {
    if (connection.input() != store::kNoIndex) {
        unfinished_.keep(inputs_[connection.input()].bytes, {});
        inputs_.release(connection.input());
        connection.set_input(store::kNoIndex);
    }
}

void Requests::set_wait(connection::Handle handle, RequestInput& input, Wait wait, Time now) {
    input.wait = wait;
    Time& latest = input.latest[static_cast<std::size_t>(wait)];
    latest = queue_of(wait).push_again(handle, latest, now);
    input.deadline = latest;
}

connection::DeadlineQueue& Requests::queue_of(Wait wait) {
    return deadlines_[static_cast<std::size_t>(wait)];
}

void Requests::sweep(Time now) {
    for (connection::DeadlineQueue& queue : deadlines_) {
        queue.expire(now, [this, now](connection::Handle handle, Time deadline) {
            on_deadline(handle, deadline, now);
        });
    }
}

void Requests::on_deadline(connection::Handle handle, Time deadline, Time now) {
    const connection::Connection* connection = table_.find(handle);
    const RequestInput* input = connection == nullptr ? nullptr : input_of(*connection);
    if (input == nullptr || input->deadline != deadline) {
        return; // that wait was over in time
    }
    switch (input->wait) {
    case Wait::kRequest:
        if (input->bytes.empty()) {
            // Browsers open connections in advance, and would show an unrequested 408 as a page.
            connections_.close(handle, connection::CloseReason::kDeadline);
            return;
        }
        counters_.add(slot::WorkerCounter::kDeadlineCloses);
        refuse(handle, kRequestTimeout, input->reader.is_head(), now);
        return;
    case Wait::kLater:
        finish({handle, input->ticket}, http::error_reply(kGatewayTimeout), now);
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

Time Requests::due() const {
    Time due = kNever;
    for (const connection::DeadlineQueue& queue : deadlines_) {
        due = std::min(due, queue.due());
    }
    return due;
}

void Requests::count_response(const connection::Connection& connection, int status) {
    switch (status / 100) {
    case 2:
        counters_.add(slot::WorkerCounter::kResponses2xx);
        return;
    case 3:
        counters_.add(slot::WorkerCounter::kResponses3xx);
        return;
    case 4:
        counters_.add(slot::WorkerCounter::kResponses4xx);
        if (status == http::kMisdirected) {
            counters_.add(slot::WorkerCounter::kHostRefusals);
        }
        connections_.note(connection, connection::Incident::kRefused, status);
        return;
    case 5:
        counters_.add(slot::WorkerCounter::kResponses5xx);
        return;
    default:
        return;
    }
}

} // namespace zcomet::webnode::request

#include "webnode/request/answers.hpp"

#include "topology/http/page_guard.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/request/exchange.hpp"

#include <string>

namespace zcomet::webnode::request {

namespace {

constexpr int kTooManyRequests = 429;
constexpr int kShedStatus = 503;

} // namespace

void Answers::count(const connection::Connection& connection, int status) {
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

After Answers::write(connection::Handle handle, const http::Answer& answer, bool unread, Time now) {
    if (!connections_.write(handle, *table_.find(handle), answer.bytes)) {
        return After::kOver;
    }
    if (!answer.keeps_connection) {
        end(handle, unread, now);
        return After::kOver;
    }
    return After::kReading;
}

void Answers::refuse(connection::Handle handle, int status, bool is_head, Time now) {
    counters_.add(slot::WorkerCounter::kRequests);
    write_error(handle, status, is_head, now);
}

void Answers::write_error(connection::Handle handle, int status, bool is_head, Time now) {
    count(*table_.find(handle), status);
    if (connections_.write(handle, *table_.find(handle), http::error_answer(status, is_head))) {
        end(handle, true, now);
    }
}

bool Answers::make_room(connection::Handle in_hand, std::size_t bytes_in_hand, Time now) {
    while (unfinished_.is_too_much()) {
        const auto largest =
            waits_.largest_request(in_hand, bytes_in_hand, [this](connection::Handle handle) {
                return unfinished_of(handle);
            });
        if (!largest) {
            return false;
        }
        shed(*largest, now);
    }
    return true;
}

void Answers::shed(connection::Handle handle, Time now) {
    counters_.add(slot::WorkerCounter::kRequestsShed);
    connections_.note(*table_.find(handle), connection::Incident::kShed);
    const RequestInput& input = *waits_.find(handle);
    if (input.wait == Wait::kLater) { // it is counted as a request already
        write_error(handle, kShedStatus, input.form.is_head, now);
    } else {
        refuse(handle, kShedStatus, input.reader.is_head(), now);
    }
}

/// Not 503: a proxy would take the whole node for one that has no room, because of one client.
After Answers::refuse_full(connection::Handle handle, bool is_head, Time now) {
    const http::Answer answer = http::late_answer(
        try_again(kTooManyRequests, connection::kAddressFullWords), {.is_head = is_head});
    counters_.add(slot::WorkerCounter::kRequests);
    count(*table_.find(handle), answer.status);
    return write(handle, answer, true, now);
}

void Answers::end(connection::Handle handle, bool unread, Time now) {
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
    layers_.give_up(handle);
    if (RequestInput* input = waits_.make(handle)) {
        unfinished_.keep(input->bytes, {});
        waits_.begin(handle, *input, flushing ? Wait::kFlush : Wait::kLinger, now);
        if (flushing) {
            connections_.close_when_written(handle, *connection);
        }
    }
}

std::size_t Answers::unfinished_of(connection::Handle handle) {
    const RequestInput* const input = waits_.find(handle);
    return layers_.memory_of(handle) +
           (input == nullptr ? 0 : layer::UnfinishedBytes::memory_of(input->bytes));
}

} // namespace zcomet::webnode::request

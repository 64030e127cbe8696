#include "webnode/stream/polls.hpp"

#include "topology/base/check.hpp"
#include "webnode/format/poll.hpp"

namespace zcomet::webnode::stream {

Polls::Polls(connection::Connections& connections, metrics::Counters<slot::WorkerCounter>& counters)
    : connections_(connections), counters_(counters) {
    connections_.add_listener(*this);
}

Polls::~Polls() {
    connections_.remove_listener(*this);
}

void Polls::begin(connection::Handle handle, PollTerms terms) {
    deadlines_.emplace(terms.until, handle.packed());
    const bool is_new = polls_.emplace(handle.packed(), Poll{.terms = std::move(terms)}).second;
    ZCOMET_ASSERT(is_new);
}

Polls::Poll& Polls::begin_answer(connection::Handle handle) {
    Poll& poll = at(handle);
    if (poll.items.empty()) {
        ready_.push_back(handle);
    }
    return poll;
}

void Polls::add_message(connection::Handle handle, const format::Message& message) {
    Poll& poll = begin_answer(handle);
    format::poll_format().prepare(message, shared_);
    format::poll_format().append(poll.items, shared_, ++poll.messages, {});
    counters_.add(slot::WorkerCounter::kChunksGiven);
    if (message.cursor.epoch != 0) {
        poll.cursor = message.cursor;
    }
}

void Polls::add_gap(connection::Handle handle, const format::Gap& gap) {
    Poll& poll = begin_answer(handle);
    format::poll_format().append_gap(poll.items, gap, {});
    if (gap.cursor.epoch != 0) {
        poll.cursor = gap.cursor;
    }
}

void Polls::set_cursor(connection::Handle handle, const history::Cursor& cursor) {
    at(handle).cursor = cursor;
}

void Polls::set_asking(connection::Handle handle, bool is_asking) {
    Poll& poll = at(handle);
    poll.is_asking = is_asking;
    if (!is_asking && poll.has_more_time && poll.items.empty()) {
        ready_.push_back(handle);
    }
}

std::optional<Polls::Answer> Polls::end(connection::Handle handle) {
    const auto found = polls_.find(handle.packed());
    if (found == polls_.end()) {
        return std::nullopt;
    }
    Poll& poll = found->second;
    Answer answer{format::poll_reply(poll.items, poll.cursor), std::move(poll.terms.form),
                  poll.messages};
    deadlines_.erase({poll.terms.until, handle.packed()});
    polls_.erase(found);
    return answer;
}

std::vector<connection::Handle> Polls::take_ended(Time now) {
    std::vector<connection::Handle> ended;
    while (ended.size() < kEndsPerTurn && !deadlines_.empty() && deadlines_.begin()->first <= now) {
        const auto [deadline, packed] = *deadlines_.begin();
        deadlines_.erase(deadlines_.begin());
        Poll& poll = polls_.at(packed);
        if (poll.is_asking && !poll.has_more_time) {
            poll.has_more_time = true;
            poll.terms.until = deadline + kAskingMax;
            deadlines_.emplace(poll.terms.until, packed);
            continue;
        }
        ended.push_back(connection::Handle::unpack(packed));
    }
    return ended;
}

Time Polls::due() const {
    if (!ready_.empty()) {
        return Time::min();
    }
    return deadlines_.empty() ? kNever : deadlines_.begin()->first;
}

void Polls::on_close(connection::Handle handle, connection::Connection& /*connection*/) {
    if (const auto answer = end(handle)) {
        counters_.add(slot::WorkerCounter::kChunksDropped, answer->messages);
    }
}

} // namespace zcomet::webnode::stream

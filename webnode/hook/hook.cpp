#include "webnode/hook/hook.hpp"

#include "topology/http/http_front.hpp"
#include "webnode/request/exchange.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::webnode::hook {

namespace {

constexpr int kHookUnauthorized = 401;
constexpr int kHookForbidden = 403;
/// No timer is so long, and the sum of such a time and the present does not overflow.
constexpr std::chrono::seconds kHookLifeMax = std::chrono::hours(24 * 365 * 50);

std::string_view words_of(int status) {
    return status == kHookUnauthorized ? "you have to be logged in"
                                       : "you may not listen to these ids";
}

} // namespace

Hook::Hook(Url url, std::chrono::seconds timeout, connection::Connections& connections,
           metrics::Counters<slot::WorkerCounter>& counters,
           std::function<auth::UnixSeconds()> clock, std::function<Time()> steady_clock)
    : url_(std::move(url)), timeout_(timeout), connections_(connections), counters_(counters),
      clock_(std::move(clock)), steady_clock_(std::move(steady_clock)), caller_(url_.where) {
    connections_.add_listener(*this);
}

Hook::~Hook() {
    connections_.remove_listener(*this);
}

std::optional<request::Verdict> Hook::ask(const http::Request& request, const wire::IdList& ids,
                                          request::Ticket ticket) {
    const Time now = steady_clock_();
    Question question{.ticket = ticket,
                      .host = connections_.table().find(ticket.connection)->origin(),
                      .request = std::string(request.head),
                      .ids = wire::OwnedIds(ids),
                      .key = cache_key(request.head, ids),
                      .deadline = now + timeout_};
    if (const auto known = cache_.find(question.key, now)) {
        counters_.add(slot::WorkerCounter::kHookHits);
        return verdict_of(*known, ids);
    }
    if (!make_room(question)) {
        return verdict_of(failed(failure::kBusy), ids);
    }
    waiting_bytes_ += bytes_of(question);
    by_connection_[ticket.connection.packed()] = ++last_number_;
    queue_.add(question.host, last_number_);
    questions_.emplace_hint(questions_.end(), last_number_, std::move(question));
    ask_next(now);
    return std::nullopt;
}

bool Hook::make_room(const Question& question) {
    const std::size_t bytes = bytes_of(question);
    while (questions_.size() >= kWaitingMax || waiting_bytes_ + bytes > kWaitingBytesMax) {
        const auto other = queue_.newest_of_larger(question.host);
        if (!other) {
            return false;
        }
        answer(questions_.find(*other), failed(failure::kBusy));
    }
    return true;
}

std::size_t Hook::bytes_of(const Question& question) {
    return question.request.size() + question.ids.bytes().size();
}

void Hook::ask_next(Time now) {
    while (caller_.has_room()) {
        const auto next = queue_.take();
        if (!next) {
            return;
        }
        const Question& question = questions_.find(*next)->second;
        counters_.add(slot::WorkerCounter::kHookAsked);
        caller_.begin(*next, subrequest(question.request, question.ids.list(), url_),
                      question.deadline, now);
    }
}

std::span<const int> Hook::fds() const {
    fds_ = {caller_.fd(), caller_.lookup_fd()};
    return fds_;
}

bool Hook::turn(Time now) {
    caller_.turn(now, results_);
    for (Caller::Result& result : results_) {
        const auto question = questions_.find(result.tag);
        if (question == questions_.end()) {
            continue;
        }
        const auto decision = std::make_shared<const Decision>(std::move(result.decision));
        cache_.add(question->second.key, decision, now);
        answer(question, *decision);
    }
    results_.clear();
    // All have the same time, so those that have waited for too long come first.
    while (!questions_.empty() && questions_.begin()->second.deadline <= now) {
        answer(questions_.begin(), failed(failure::kBusy));
    }
    ask_next(now);
    return false;
}

Time Hook::due() const {
    if (!verdicts_.empty()) {
        return Time();
    }
    const Time oldest = questions_.empty() ? kNever : questions_.begin()->second.deadline;
    return std::min(caller_.due(), oldest);
}

void Hook::answer(Questions::iterator question, const Decision& decision) {
    Question& asked = question->second;
    queue_.remove(asked.host, question->first);
    if (!asked.request.empty()) {
        request::Verdict verdict = verdict_of(decision, asked.ids.list());
        waiting_bytes_ -= bytes_of(asked);
        verdicts_.push_back({asked.ticket, std::move(asked.request), std::move(verdict)});
        asked.request.clear();
        asked.ids.clear();
        by_connection_.erase(asked.ticket.connection.packed());
    }
    questions_.erase(question);
}

/// One that is asked for goes on, since its answer may be remembered.
void Hook::on_close(connection::Handle handle, connection::Connection& /*connection*/) {
    const auto found = by_connection_.find(handle.packed());
    if (found == by_connection_.end()) {
        return;
    }
    const auto question = questions_.find(found->second);
    by_connection_.erase(found);
    waiting_bytes_ -= bytes_of(question->second);
    question->second.request = {};
    question->second.ids = {};
    if (queue_.remove(question->second.host, question->first)) { // it has not been asked
        questions_.erase(question);
    }
}

request::Verdict Hook::verdict_of(const Decision& decision, const wire::IdList& ids) {
    switch (decision.kind) {
    case Decision::Kind::kLetIn:
        break;
    case Decision::Kind::kRefused:
        return refusal(decision.status, words_of(decision.status), decision.challenge);
    case Decision::Kind::kFailed:
        counters_.add(slot::WorkerCounter::kHookFailed);
        last_failure_ = decision.failure;
        return request::unavailable("the backend that knows who may listen did not say so");
    }
    request::Pass pass;
    if (decision.claims != nullptr && decision.claims->expires != auth::kForever) {
        const std::chrono::seconds left(decision.claims->expires - clock_());
        if (left <= std::chrono::seconds::zero()) {
            return refusal(kHookUnauthorized, words_of(kHookUnauthorized));
        }
        pass.life = std::min(left, kHookLifeMax);
    }
    if (decision.has_patterns) {
        pass.claims = decision.claims;
        bool has_one = false;
        ids.for_each([&](std::string_view id) { has_one = has_one || pass.may_listen(id); });
        if (!has_one) {
            return refusal(kHookForbidden, words_of(kHookForbidden));
        }
    }
    counters_.add(slot::WorkerCounter::kHookLetIn);
    return pass;
}

request::Verdict Hook::refusal(int status, std::string_view why, std::string_view challenge) {
    counters_.add(slot::WorkerCounter::kHookRefused);
    http::Reply reply = http::error_reply(status, why);
    if (!challenge.empty()) {
        reply.headers.push_back({"WWW-Authenticate", std::string(challenge)});
    }
    return reply;
}

} // namespace zcomet::webnode::hook

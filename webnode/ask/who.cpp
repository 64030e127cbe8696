#include "webnode/ask/who.hpp"

#include <iterator>
#include <string>
#include <utility>

namespace zcomet::webnode::ask {

namespace {

/// What the broker says is what the client gets. Proxies must not keep it: it is about this moment.
http::Reply told(std::string_view json) {
    http::Reply reply;
    reply.type = "application/json";
    reply.text = std::string(json) + "\n";
    reply.headers.push_back({"Cache-Control", "no-store"});
    return reply;
}

} // namespace

void Who::ask(request::Exchange& exchange, std::string_view id) {
    if (!broker_->welcomed()) {
        exchange.answer(request::try_again(503, request::kNoBroker));
        return;
    }
    if (asked_.size() >= kUnansweredMax) {
        exchange.answer(request::try_again(
            429, "very many questions wait for their answers; try again in a moment"));
        return;
    }
    asked_.emplace(++last_token_, Asked{exchange.later()});
    broker_->ask(wire::Query{last_token_, "streams", id});
}

void Who::on_answer(const wire::Answer& answer) {
    if (const auto asked = asked_.find(answer.token); asked != asked_.end()) {
        finish(asked, told(answer.json));
    }
}

void Who::on_refused() {
    if (!asked_.empty()) {
        finish(std::prev(asked_.end()),
               request::try_again(503, "the broker has too many questions; try again in a moment"));
    }
}

void Who::on_lost() {
    while (!asked_.empty()) {
        finish(asked_.begin(), request::try_again(503, request::kNoBroker));
    }
}

void Who::turn(Time now) {
    for (auto asked = asked_.rbegin(); asked != asked_.rend() && !asked->second.until; ++asked) {
        asked->second.until = now + kAnswerMax;
    }
    while (due() <= now) {
        finish(asked_.begin(), http::error_reply(504, "the broker has not answered"));
    }
}

Time Who::due() const {
    return asked_.empty() ? kNever : asked_.begin()->second.until.value_or(Time::min());
}

void Who::finish(Table::iterator asked, http::Reply reply) {
    answers_.add(asked->second.ticket, std::move(reply));
    asked_.erase(asked);
}

} // namespace zcomet::webnode::ask

#include "webnode/ask/who.hpp"

#include <iterator>
#include <string>
#include <utility>

namespace zcomet::webnode::ask {

void Who::ask(request::Exchange& exchange, std::string_view id) {
    if (refuse(exchange, id, asked_.size() >= kUnansweredMax)) {
        return;
    }
    asked_.emplace(++last_token_, Asked{exchange.later()});
    broker().ask(id, wire::Query{last_token_, "streams", id});
}

void Who::on_answer(const wire::Answer& answer) {
    if (const auto asked = asked_.find(answer.token); asked != asked_.end()) {
        finish(asked, told(std::string(answer.json) + "\n"));
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
    answers().add(asked->second.ticket, std::move(reply));
    asked_.erase(asked);
}

} // namespace zcomet::webnode::ask

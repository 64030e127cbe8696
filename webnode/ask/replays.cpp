#include "webnode/ask/replays.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/owned_ids.hpp"
#include "webnode/format/json_text.hpp"

#include <iterator>
#include <string_view>
#include <utility>

namespace zcomet::webnode::ask {

namespace {

constexpr std::string_view kNoHistory = "the broker keeps no messages to this id";

/// Appends `"NAME":VALUE`.
void append_member(std::string& out, std::string_view name, std::string_view text) {
    out.append("\"").append(name).append("\":");
    format::append_json_text(out, text);
}

void append_message(std::string& out, const wire::Message& message, std::uint64_t epoch) {
    const wire::Attributes attributes = wire::read_attributes(message.attributes);
    out.append("{");
    append_member(out, "cursor", history::text_of({epoch, attributes.position}));
    out.append(",");
    append_member(out, "data", message.payload);
    if (!attributes.event.empty()) {
        out.append(",");
        append_member(out, "event", attributes.event);
    }
    out.append("}");
}

template <typename Element> Element take_first(std::deque<Element>& queue) {
    Element first = std::move(queue.front());
    queue.pop_front();
    return first;
}

} // namespace

void Replays::ask(request::Exchange& exchange, Wanted wanted) {
    ZCOMET_ASSERT(wanted.limit >= 1 && wanted.limit <= kLimitMax);
    if (refuse(exchange, wanted.id, waiting_.size() >= kWaitingMax)) {
        return;
    }
    waiting_.push_back({.ticket = exchange.later(), .wanted = std::move(wanted)});
}

void Replays::ask_broker(Replay replay, Time now) {
    const bool is_first = replay.goes_on.epoch == 0;
    const history::Cursor after =
        is_first ? replay.wanted.since.value_or(history::Cursor()) : replay.goes_on;
    const wire::OwnedIds ids(replay.wanted.id);
    broker().ask(replay.wanted.id, wire::History{.token = ++last_token_,
                                                 .epoch = after.epoch,
                                                 .after = after.position,
                                                 .count_max = replay.wanted.limit - replay.messages,
                                                 .ids = ids.list(),
                                                 .wants_newest = is_first && !replay.wanted.since});
    replay.until = now + kAnswerMax;
    under_way_.emplace(last_token_, std::move(replay));
}

bool Replays::fits(const Replay& replay, const wire::Kept& kept) {
    return replay.goes_on.epoch == 0 || kept.epoch == replay.goes_on.epoch;
}

void Replays::on_kept(const wire::Kept& kept) {
    const auto found = under_way_.find(kept.token);
    if (found == under_way_.end()) {
        return;
    }
    Replay& replay = found->second;
    if (kept.reach == wire::Reach::kNoHistory) {
        finish(found, http::error_reply(404, kNoHistory));
        return;
    }
    if (!fits(replay, kept)) {
        finish(found, request::try_again(503, "the broker has begun anew; try again"));
        return;
    }
    append(replay, kept);
    if (kept.has_more && replay.messages < replay.wanted.limit &&
        replay.text.size() < kAnswerBytesMax) {
        going_on_.push_back(std::move(replay));
        under_way_.erase(found);
        return;
    }
    replay.text.append("],");
    append_member(replay.text, "cursor", history::text_of(replay.goes_on));
    replay.text.append(",\"complete\":").append(replay.is_complete ? "true" : "false");
    replay.text.append("}\n");
    finish(found, told(std::move(replay.text)));
}

void Replays::append(Replay& replay, const wire::Kept& kept) {
    const bool is_first = replay.goes_on.epoch == 0;
    if (is_first) {
        replay.text.append("{");
        append_member(replay.text, "id", replay.wanted.id);
        replay.text.append(",\"messages\":[");
    }
    replay.is_complete =
        replay.is_complete &&
        (is_first && !replay.wanted.since ? kept.since == 0 : kept.reach == wire::Reach::kWhole);
    replay.goes_on = {kept.epoch, kept.through};
    kept.messages.for_each([&](const wire::Message& message) {
        if (replay.messages++ > 0) {
            replay.text.append(",");
        }
        append_message(replay.text, message, kept.epoch);
        if (kept.has_more) {
            replay.goes_on.position = wire::read_attributes(message.attributes).position;
        }
    });
}

void Replays::on_refused() {
    if (!under_way_.empty()) {
        finish(std::prev(under_way_.end()),
               request::try_again(503, "the broker gives no histories now; try again in a moment"));
    }
}

void Replays::on_lost() {
    while (!under_way_.empty()) {
        finish(under_way_.begin(), request::try_again(503, request::kNoBroker));
    }
    for (std::deque<Replay>* replays : {&going_on_, &waiting_}) {
        for (const Replay& replay : std::exchange(*replays, {})) {
            answers().add(replay.ticket, request::try_again(503, request::kNoBroker));
        }
    }
}

void Replays::turn(Time now) {
    while (!under_way_.empty() && under_way_.begin()->second.until <= now) {
        finish(under_way_.begin(), http::error_reply(504, "the broker has not answered"));
    }
    while (!going_on_.empty()) {
        ask_broker(take_first(going_on_), now);
    }
    while (!waiting_.empty() && has_room()) {
        ask_broker(take_first(waiting_), now);
    }
}

Time Replays::due() const {
    if (!going_on_.empty() || (!waiting_.empty() && has_room())) {
        return Time::min();
    }
    return under_way_.empty() ? kNever : under_way_.begin()->second.until;
}

void Replays::finish(Table::iterator replay, http::Reply reply) {
    answers().add(replay->second.ticket, std::move(reply));
    under_way_.erase(replay);
}

} // namespace zcomet::webnode::ask

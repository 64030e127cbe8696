#include "broker/router/histories.hpp"

#include "broker/history/memory_store.hpp"
#include "topology/wire/attributes.hpp"

#include <algorithm>

namespace zcomet::broker::router {

namespace {

/// Messages that are let go in a turn because they are too old.
/// @limit kept messages that a broker lets go in a turn
constexpr std::size_t kExpiredPerTurn = 1024;
/// Ages are kept in steps of about a second.
constexpr Duration kExpireEach = 1s;
/// Kept messages that are passed over cost as much as one message of a frame.
constexpr std::uint64_t kPassedOfAMessage = 4;

} // namespace

Histories::Histories(RouterState& state, Time now)
    : state_(state), clock_(state.options.unix_ms, now, state.options.number) {
    const zcomet::broker::history::Rules& rules = state.options.history;
    if (!rules.empty()) {
        store_ = std::make_unique<zcomet::broker::history::MemoryStore>(
            rules, state.options.history_bytes, state.options.incarnation);
        patterns_ = rules.patterns().text();
    }
}

void Histories::on_options() {
    if (store_ != nullptr) {
        store_->set_bytes_max(state_.options.history_bytes);
    }
}

Histories::Numbered Histories::keep(const wire::Message& message, Time now) {
    const std::size_t rule = store_ == nullptr ? zcomet::history::Patterns::kNone
                                               : state_.options.history.find(message.id);
    if (rule == zcomet::history::Patterns::kNone) {
        return {message};
    }
    const std::uint64_t position = clock_.next(now);
    if (!store_->keep(rule, message, position)) {
        state_.count(table::BrokerCounter::kHistoryNotKept);
        return {message};
    }
    state_.count(table::BrokerCounter::kHistoryKept);
    expire_due_ = std::min(expire_due_, now + kExpireEach);
    Numbered numbered{message, position};
    wire::add_position(message.attributes, position, attributes_);
    numbered.message.attributes = attributes_;
    return numbered;
}

wire::HistoryTerms Histories::terms() const {
    if (store_ == nullptr) {
        return {};
    }
    return {store_->epoch(), clock_.last(), patterns_};
}

/// The node's LOGIN may have been lost, or refused. Then messages that come now would be neither in
/// the answer nor on the feed.
bool Histories::holds_all(const Incoming& in, const wire::IdList& ids) const {
    bool holds_all = state_.peers[in.peer].node() != nullptr;
    ids.for_each(
        [&](std::string_view id) { holds_all = holds_all && state_.table.holds(in.peer, id); });
    return holds_all;
}

std::optional<std::uint64_t> Histories::complete_since(const wire::IdList& ids) const {
    std::optional<std::uint64_t> since;
    ids.for_each([&](std::string_view id) {
        const std::size_t rule = state_.options.history.find(id);
        if (rule != zcomet::history::Patterns::kNone) {
            since = std::max(since.value_or(0), store_->complete_since(rule, id));
        }
    });
    return since;
}

wire::Reach Histories::reach_of(const wire::History& history, std::uint64_t since) const {
    if (history.epoch == 0) {
        return wire::Reach::kNoCursor;
    }
    if (history.epoch != store_->epoch()) {
        return wire::Reach::kOtherEpoch;
    }
    return history.after < since ? wire::Reach::kEvicted : wire::Reach::kWhole;
}

/// 0: the asker does not want the newest messages, or there are no others.
std::uint64_t Histories::position_before_newest(const wire::History& history) const {
    std::uint64_t position = 0;
    if (history.wants_newest) {
        history.ids.for_each(
            [&](std::string_view id) { position = store_->before_newest(id, history.count_max); });
    }
    return position;
}

void Histories::on_history(const Incoming& in, const wire::History& history) {
    state_.count(table::BrokerCounter::kHistoryQuestions);
    state_.intake.add_messages(history.ids.count()); // each is looked up, like that of a message
    wire::Kept kept{.token = history.token, .reach = wire::Reach::kNoHistory};
    const auto since = store_ == nullptr ? std::nullopt : complete_since(history.ids);
    if (!since) {
        answer(in, kept);
        return;
    }
    if (history.is_for_feed && !holds_all(in, history.ids)) {
        kept.reach = wire::Reach::kNotLoggedIn;
        answer(in, kept);
        return;
    }
    const std::uint64_t before_newest = position_before_newest(history);
    kept.since = std::max(*since, before_newest);
    kept.reach = reach_of(history, kept.since);
    kept.epoch = store_->epoch();
    kept.through = clock_.last();
    if (const table::NodePart* const node = state_.peers[in.peer].node()) {
        kept.feed = node->feed.last_number();
    }
    const bool has_gap =
        kept.reach == wire::Reach::kEvicted || kept.reach == wire::Reach::kOtherEpoch;
    // Of several ids some may have more. A gap reaches up to one position, for all of them.
    const std::uint64_t passed =
        store_->read(history.ids, has_gap ? kept.since : std::max(history.after, before_newest),
                     [&](const wire::Message& message, std::uint64_t position) {
                         if (writer_.full() || writer_.count() == history.count_max) {
                             kept.has_more = true;
                             return false;
                         }
                         wire::Message with_position = message;
                         wire::add_position(message.attributes, position, attributes_);
                         with_position.attributes = attributes_;
                         writer_.add(with_position);
                         return true;
                     });
    state_.intake.add_messages(passed / kPassedOfAMessage);
    state_.count(table::BrokerCounter::kHistoryReplayed, writer_.count());
    answer(in, kept);
}

void Histories::answer(const Incoming& in, const wire::Kept& kept) {
    state_.intake.add_messages(writer_.count());
    state_.intake.add_bytes(writer_.size_bytes());
    state_.reply(in.connection, writer_.finish_kept(kept));
}

void Histories::turn(Time now) {
    if (expire_due_ > now) {
        return;
    }
    const bool has_more = store_->expire(clock_.ms_at(now), kExpiredPerTurn);
    expire_due_ = has_more ? now : store_->messages() > 0 ? now + kExpireEach : kNever;
    state_.counters.set(table::BrokerCounter::kHistoryMessages, store_->messages());
    state_.counters.set(table::BrokerCounter::kHistoryEvicted, store_->evicted());
}

} // namespace zcomet::broker::router

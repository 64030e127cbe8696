#include "topology/session/failover.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/attributes.hpp"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <iterator>
#include <utility>

namespace zcomet::session {

/// What one session tells, with our numbers in the place of its own.
class Failover::Events final : public SenderEvents {
  public:
    Events(Failover& failover, std::size_t broker) : failover_(failover), broker_(broker) {}

    void on_receipt(std::uint64_t number, const wire::Outcome& outcome) override {
        const std::uint64_t ticket =
            failover_.is_alone() ? number : failover_.take_receipt(broker_, number);
        if (ticket != 0) {
            failover_.events_.on_receipt(ticket, outcome);
        }
    }
    void on_acknowledged(std::uint64_t number, const wire::Outcome& outcome) override {
        const std::uint64_t ticket =
            failover_.is_alone() ? number : failover_.take_acknowledgement(broker_, number);
        if (ticket != 0) {
            failover_.events_.on_acknowledged(ticket, outcome);
        }
    }
    void on_answer(const wire::Answer& answer) override { failover_.events_.on_answer(answer); }
    void on_kept(const wire::Kept& kept) override { failover_.events_.on_kept(kept); }
    void on_question_refused(wire::Kind kind) override {
        failover_.events_.on_question_refused(kind);
    }
    void on_welcome(std::string_view broker_name) override {
        failover_.events_.on_welcome(broker_name);
    }
    void on_lost() override {
        failover_.brokers_[broker_].was_lost = true;
        failover_.events_.on_lost();
    }
    void on_refused(wire::ErrorCode code, std::string_view text) override {
        failover_.events_.on_refused(code, text);
    }
    void on_no_broker(std::string_view text) override { failover_.events_.on_no_broker(text); }

  private:
    Failover& failover_;
    std::size_t broker_;
};

Failover::Failover(SenderEvents& events, cluster::Placement placement, Duration silence_max)
    : events_(events), placement_(std::move(placement)), silence_max_(silence_max) {
    add_brokers(placement_.brokers());
}

void Failover::add_brokers(std::size_t count) {
    while (brokers_.size() < count) {
        brokers_.emplace_back();
        brokers_.back().events = std::make_unique<Events>(*this, brokers_.size() - 1);
    }
}

Failover::~Failover() = default;

SenderEvents& Failover::events_of(std::size_t broker) {
    return *brokers_[broker].events;
}

void Failover::use(std::size_t broker, SenderSession& session) {
    brokers_[broker].session = &session;
    if (!is_alone()) {
        session.watch_closely(silence_max_);
    }
}

void Failover::change(cluster::Placement placement) {
    if (placement.brokers() > 1 && is_alone()) {
        adopt_numbers();
    }
    add_brokers(placement.brokers());
    if (!is_alone()) {
        const bool follows_another = move_ && !move_->is_acknowledged;
        move_ = Move{placement_, follows_another, last_numbers()};
        look_at_move(); // often nothing is under way, and then nothing waits
    }
    placement_ = std::move(placement);
}

/// A single broker's numbers were those of the program. They stay what they are.
void Failover::adopt_numbers() {
    Broker& one = brokers_.front();
    last_ticket_ = one.session->last_number();
    one.session->for_each_awaited([&one](std::uint64_t number, wire::Confirm confirm) {
        (confirm == wire::Confirm::kReceipt ? one.receipts : one.acknowledgements)
            .push_back({number, number});
    });
    one.session->watch_closely(silence_max_);
    one.was_lost = false;
    one.health = one.session->is_ready() ? Health::kAlive : Health::kAway;
}

std::vector<std::uint64_t> Failover::last_numbers() const {
    std::vector<std::uint64_t> numbers;
    std::transform(brokers_.begin(), brokers_.end(), std::back_inserter(numbers),
                   [](const Broker& broker) {
                       return broker.session == nullptr ? 0 : broker.session->last_number();
                   });
    return numbers;
}

bool Failover::is_idle(std::size_t broker) const {
    const Broker& one = brokers_[broker];
    return one.receipts.empty() && one.acknowledgements.empty() && one.session->not_taken_in() == 0;
}

void Failover::retire(std::size_t broker) {
    Broker& one = brokers_[broker];
    retired_ += one.session->counters();
    one.session = nullptr;
    one.health = Health::kAway;
}

std::optional<std::size_t> Failover::broker_of(std::string_view id) const {
    if (is_alone()) {
        return brokers_.front().session->welcomed() ? std::optional<std::size_t>(0) : std::nullopt;
    }
    return first_alive(placement_, id);
}

std::optional<std::size_t> Failover::first_alive(const cluster::Placement& placement,
                                                 std::string_view id) const {
    for (const std::size_t broker : placement.brokers_of(id)) {
        if (brokers_[broker].health == Health::kAlive) {
            return broker;
        }
    }
    return std::nullopt;
}

bool Failover::waits_for_return(std::string_view id, std::size_t broker) const {
    const cluster::BrokerNumbers all = placement_.brokers_of(id);
    return std::any_of(
        all.begin(), std::find(all.begin(), all.end(), broker),
        [this](std::size_t before) { return brokers_[before].health == Health::kReturning; });
}

bool Failover::waits_for_move(std::string_view id, std::size_t broker) const {
    if (!move_ || move_->is_acknowledged) {
        return false;
    }
    return move_->follows_another || first_alive(move_->before, id) != broker;
}

bool Failover::can_send(std::string_view id, std::size_t message_bytes) const {
    if (is_alone()) {
        return brokers_.front().session->can_send(message_bytes);
    }
    const std::optional<std::size_t> broker = broker_of(id);
    const bool is_free =
        again_.empty() || (again_bytes_ < kAgainBytesMax && !again_to_.contains(id));
    return broker && is_free && !has_to_wait(id, *broker) &&
           brokers_[*broker].session->can_send(message_bytes);
}

std::uint64_t Failover::send(std::string_view id, std::string_view payload, wire::Confirm confirm,
                             std::string_view attributes) {
    if (is_alone()) {
        return brokers_.front().session->send(id, payload, confirm, attributes);
    }
    const std::optional<std::size_t> broker = broker_of(id);
    ZCOMET_ASSERT(broker.has_value());
    note(*broker, brokers_[*broker].session->send(id, payload, confirm, attributes), confirm,
         ++last_ticket_);
    return last_ticket_;
}

void Failover::note(std::size_t broker, std::uint64_t number, wire::Confirm confirm,
                    std::uint64_t ticket) {
    if (confirm == wire::Confirm::kReceipt) {
        brokers_[broker].receipts.push_back({number, ticket});
    } else if (confirm == wire::Confirm::kAcknowledgement) {
        brokers_[broker].acknowledgements.push_back({number, ticket});
    }
}

/// Receipts come in the order of the messages, so those of earlier ones were lost.
std::uint64_t Failover::take_receipt(std::size_t broker, std::uint64_t number) {
    std::deque<Ticket>& awaited = brokers_[broker].receipts;
    while (!awaited.empty() && awaited.front().number < number) {
        awaited.pop_front();
    }
    if (awaited.empty() || awaited.front().number != number) {
        return 0;
    }
    const std::uint64_t ticket = awaited.front().ticket;
    awaited.pop_front();
    return ticket;
}

std::uint64_t Failover::take_acknowledgement(std::size_t broker, std::uint64_t number) {
    std::deque<Ticket>& awaited = brokers_[broker].acknowledgements;
    const auto found = std::lower_bound(
        awaited.begin(), awaited.end(), number,
        [](const Ticket& one, std::uint64_t wanted) { return one.number < wanted; });
    if (found == awaited.end() || found->number != number) {
        return 0;
    }
    const std::uint64_t ticket = std::exchange(found->ticket, 0);
    while (!awaited.empty() && awaited.front().ticket == 0) {
        awaited.pop_front();
    }
    return ticket;
}

/// A session may have lost its broker since the last tick().
SenderSession* Failover::session_to_ask(std::string_view id) const {
    const std::optional<std::size_t> broker = broker_of(id);
    SenderSession* const session = broker ? brokers_[*broker].session : nullptr;
    return session != nullptr && session->welcomed() ? session : nullptr;
}

void Failover::ask(std::string_view id, const wire::Query& query) {
    if (SenderSession* const session = session_to_ask(id)) {
        session->ask(query);
    }
}

void Failover::ask(std::string_view id, const wire::History& history) {
    if (SenderSession* const session = session_to_ask(id)) {
        session->ask(history);
    }
}

void Failover::tick(Time now) {
    if (is_alone()) {
        return;
    }
    for (std::size_t broker = 0; broker < brokers_.size(); ++broker) {
        if (brokers_[broker].session != nullptr) {
            look_at(broker, now);
        }
    }
    if (move_) {
        look_at_move();
    }
    if (!again_.empty()) {
        send_again();
    }
}

void Failover::look_at(std::size_t broker, Time now) {
    Broker& one = brokers_[broker];
    const bool was_lost = std::exchange(one.was_lost, false);
    const bool is_there = !was_lost && one.session->is_ready() && !one.session->is_suspect(now);
    if (!is_there) {
        // One that was not used yet because its table lacks nodes may be silent as well.
        if (one.health != Health::kAway || one.session->is_suspect(now)) {
            give_up(broker, now);
        }
        return;
    }
    if (one.health == Health::kAway) {
        begin_return(broker);
    }
    if (one.health == Health::kReturning && is_acknowledged(one.awaited)) {
        one.health = Health::kAlive;
    }
}

void Failover::look_at_move() {
    move_->is_acknowledged = move_->is_acknowledged || is_acknowledged(move_->numbers);
    if (!move_->is_acknowledged) {
        return;
    }
    for (std::size_t n = 0; n < move_->numbers.size(); ++n) {
        const SenderSession* const session = brokers_[n].session;
        if (session != nullptr && session->has_under_way(move_->numbers[n])) {
            return;
        }
    }
    move_.reset();
}

void Failover::give_up(std::size_t broker, Time now) {
    Broker& one = brokers_[broker];
    one.health = Health::kAway;
    Unsettled unsettled = one.session->give_up(now);
    one.was_lost = false; // which this call has brought about
    tell_unknown(one, unsettled);
    for (Unsettled::Message& message : unsettled.messages) {
        std::uint64_t ticket = 0;
        if (message.confirm == wire::Confirm::kReceipt) {
            ticket = take_receipt(broker, message.number);
        } else if (message.confirm == wire::Confirm::kAcknowledgement) {
            ticket = take_acknowledgement(broker, message.number);
        }
        // It may have come to this broker from another one, under the name that it has since then.
        wire::Origin origin = wire::read_attributes(message.attributes).origin;
        if (message.was_sent && origin.sender == 0) {
            origin = {one.session->incarnation(), message.number};
        }
        ++again_to_[message.id];
        put_in_order({ticket, origin, std::move(message)});
    }
    one.receipts.clear();
    one.acknowledgements.clear();
}

/// With the records that keep it.
std::size_t Failover::bytes_of(const Again& again) {
    const Unsettled::Message& message = again.message;
    return sizeof(Again) + 2 * message.id.size() + message.payload.size() +
           message.attributes.size();
}

/// Messages of an earlier broker may wait already, and some of these may be older than they are.
/// Those that ask for nothing have no ticket, and no order to keep.
void Failover::put_in_order(Again again) {
    again_bytes_ += bytes_of(again);
    auto place = again_.end();
    while (place != again_.begin() && std::prev(place)->ticket > again.ticket) {
        --place;
    }
    again_.insert(place, std::move(again));
}

/// What was sent and asked for a receipt. Those that were not sent have the highest numbers.
void Failover::tell_unknown(Broker& broker, const Unsettled& unsettled) {
    const auto unsent =
        std::find_if(unsettled.messages.begin(), unsettled.messages.end(),
                     [](const Unsettled::Message& message) { return !message.was_sent; });
    const std::uint64_t end = unsent == unsettled.messages.end() ? UINT64_MAX : unsent->number;
    for (std::deque<Ticket>& awaited = broker.receipts;
         !awaited.empty() && awaited.front().number < end; awaited.pop_front()) {
        events_.on_unknown(awaited.front().ticket);
    }
}

void Failover::begin_return(std::size_t broker) {
    Broker& one = brokers_[broker];
    one.health = Health::kReturning;
    one.awaited = last_numbers();
}

bool Failover::is_acknowledged(const std::vector<std::uint64_t>& numbers) const {
    for (std::size_t n = 0; n < numbers.size(); ++n) {
        const std::deque<Ticket>& awaited = brokers_[n].acknowledgements;
        if (!awaited.empty() && awaited.front().number <= numbers[n]) {
            return false;
        }
    }
    return true;
}

/// As far as windows allow, in order for each broker.
void Failover::send_again() {
    cluster::BrokerSet full;
    std::erase_if(again_, [this, &full](Again& again) {
        const std::optional<std::size_t> broker = broker_of(again.message.id);
        if (!broker || full.test(*broker) || has_to_wait(again.message.id, *broker)) {
            return false;
        }
        if (!send_one_again(*broker, again)) {
            full.set(*broker);
            return false;
        }
        if (const auto left = again_to_.find(again.message.id); --left->second == 0) {
            again_to_.erase(left);
        }
        again_bytes_ -= bytes_of(again);
        return true;
    });
}

bool Failover::send_one_again(std::size_t broker, Again& again) {
    const Unsettled::Message& message = again.message;
    attributes_ = message.attributes;
    if (again.origin.sender != 0) {
        wire::set_origin(attributes_, again.origin);
    }
    SenderSession& session = *brokers_[broker].session;
    if (!session.can_send(
            wire::message_bytes(message.id.size(), message.payload.size(), attributes_.size()))) {
        return false;
    }
    note(broker, session.send(message.id, message.payload, message.confirm, attributes_),
         message.confirm, again.ticket);
    ++failed_over_;
    return true;
}

std::uint64_t Failover::not_taken_in() const {
    std::uint64_t sum = again_.size();
    for (const Broker& broker : brokers_) {
        sum += broker.session == nullptr ? 0 : broker.session->not_taken_in();
    }
    return sum;
}

std::uint64_t Failover::unacknowledged() const {
    std::uint64_t sum = static_cast<std::uint64_t>(
        std::count_if(again_.begin(), again_.end(), [](const Again& again) {
            return again.message.confirm == wire::Confirm::kAcknowledgement;
        }));
    for (const Broker& broker : brokers_) {
        sum += broker.session == nullptr ? 0 : broker.session->unacknowledged();
    }
    return sum;
}

SenderSessionCounters Failover::counters() const {
    SenderSessionCounters sum = retired_;
    for (const Broker& broker : brokers_) {
        sum += broker.session == nullptr ? SenderSessionCounters() : broker.session->counters();
    }
    return sum;
}

} // namespace zcomet::session

#include "topology/session/node_session.hpp"

#include "topology/base/check.hpp"
#include "topology/session/refusal.hpp"
#include "topology/wire/endpoint.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace zcomet::session {

namespace {

/// Whether a refused frame of this kind was about logins.
bool is_of_logins(std::uint8_t kind) {
    return kind == static_cast<std::uint8_t>(wire::Kind::kLogin) ||
           kind == static_cast<std::uint8_t>(wire::Kind::kList);
}

/// The broker's feed endpoint as this node can reach it: its host part may mean "every address".
std::string reachable_endpoint(std::string_view endpoint, const std::string& broker_host) {
    Result<wire::HostPort> parsed = wire::parse_tcp_endpoint(endpoint);
    if (!parsed.ok()) {
        return std::string(endpoint);
    }
    wire::HostPort address = parsed.value();
    if (wire::is_everywhere(address.host)) {
        address.host = broker_host;
    }
    return wire::tcp_endpoint(address);
}

} // namespace

NodeSessionCounters& NodeSessionCounters::operator+=(const NodeSessionCounters& other) {
    batches_applied += other.batches_applied;
    messages_received += other.messages_received;
    gaps += other.gaps;
    repeats += other.repeats;
    messages_lost += other.messages_lost;
    duplicates += other.duplicates;
    bad_frames += other.bad_frames;
    lists_sent += other.lists_sent;
    lost_brokers += other.lost_brokers;
    cut_offs += other.cut_offs;
    streams_cut_off += other.streams_cut_off;
    cut_off_ms += other.cut_off_ms;
    feed_reconnects += other.feed_reconnects;
    return *this;
}

NodeSession::NodeSession(Node& node, std::size_t broker, Wires& wires, FeedWires& feed_wires,
                         std::string broker_host)
    : node_(node), broker_(broker), events_(node.events()), wires_(wires), feed_wires_(feed_wires),
      broker_host_(std::move(broker_host)), logins_(wires, node.logins(), broker) {
    ZCOMET_ASSERT(node_.incarnation() != 0);
}

void NodeSession::start(Time now) {
    ZCOMET_ASSERT(state_ == State::kIdle);
    state_ = State::kGreeting;
    say_hello(now);
}

void NodeSession::on_connected(Time now) {
    if (state_ != State::kIdle && state_ != State::kOver) {
        say_hello(now);
    }
}

/// The answer of a broker that has welcomed us says nothing new, so nothing waits for it.
void NodeSession::tell_list(Time now) {
    if (!welcomed() || hello_unanswered_) {
        on_connected(now);
    } else {
        wires_.send(hello());
    }
}

std::string NodeSession::hello() const {
    return wire::encode(wire::Hello{.incarnation = node_.incarnation(),
                                    .role = wire::Role::kNode,
                                    .name = node_.name(),
                                    .list = node_.list()});
}

void NodeSession::say_hello(Time now) {
    wires_.send(hello());
    hello_unanswered_ = true;
    next_heartbeat_ = now + heartbeat_interval_;
}

void NodeSession::on_broker_frame(std::string_view bytes, Time now) {
    if (state_ == State::kOver) {
        return;
    }
    const auto decoded = wire::decode(bytes, wire::Role::kNode);
    const auto* frame = std::get_if<wire::Frame>(&decoded);
    if (frame == nullptr) {
        ++counters_.bad_frames;
        return;
    }
    heard_broker_ = now;
    if (const auto* welcome = std::get_if<wire::Welcome>(frame)) {
        on_welcome(*welcome, now);
    } else if (const auto* heartbeat = std::get_if<wire::Heartbeat>(frame)) {
        logins_.on_heartbeat(heartbeat->change);
    } else if (const auto* kept = std::get_if<wire::Kept>(frame)) {
        // While a HELLO is unanswered, it may be of another feed than the one that we know.
        if (welcomed() && !hello_unanswered_) {
            events_.on_kept(*kept);
        }
    } else if (const auto* error = std::get_if<wire::ErrorFrame>(frame)) {
        on_error(*error, now);
    } else if (const auto* pong = std::get_if<wire::Pong>(frame)) {
        if (!hello_unanswered_) { // a PING needs no HELLO, but a LOGIN does
            logins_.on_pong(pong->token);
        }
    } else if (const auto* query = std::get_if<wire::Query>(frame)) {
        answer(*query);
    } else {
        ++counters_.bad_frames;
    }
}

/// A broker of a later release may ask other things, and is not answered.
void NodeSession::answer(const wire::Query& query) {
    if (query.what == "streams") {
        const std::optional<std::uint64_t> streams = events_.streams_of(query.argument);
        wires_.send(wire::encode(
            wire::Answer{query.token, streams ? std::to_string(*streams) : std::string("null")}));
    } else if (query.what == "drain") {
        events_.on_drain_asked();
    }
}

void NodeSession::on_welcome(const wire::Welcome& welcome, Time now) {
    const auto& part = std::get<wire::NodeWelcome>(welcome.part);
    // One that answers a HELLO which was said twice. What it says of our changes is old.
    const bool is_repeated = !std::exchange(hello_unanswered_, false);
    broker_name_ = welcome.name;
    heartbeat_interval_ = std::chrono::milliseconds(welcome.heartbeat_ms);
    liveness_ = std::chrono::milliseconds(welcome.liveness_ms);
    const bool had_feed = feed_.has_begun();
    const bool is_new_feed = feed_.welcome(part.feed_incarnation);
    if (is_new_feed) {
        feed_quiet_since_ = now;
        begin_feed(part.history, had_feed, now);
    }
    if (state_ == State::kLive && !feed_.live()) {
        forget_broker(); // it was restarted, or had taken us for dead
    }
    if (std::string endpoint = reachable_endpoint(part.feed_endpoint, broker_host_);
        endpoint != feed_endpoint_) {
        feed_endpoint_ = std::move(endpoint);
        feed_quiet_since_ = now;
        connect_feed();
    }
    if (!is_repeated || is_new_feed) {
        logins_.welcome(part.changes_applied);
    }
    heard_feed_ = now;
    next_heartbeat_ = now + heartbeat_interval_;
    if (node_.list().version != 0 && node_.list().version < welcome.list.version) {
        events_.on_newer_list(welcome.list.version, welcome.name);
    }
    if (!welcomed()) {
        state_ = State::kWelcomed;
        if (!feed_.live()) {
            events_.on_welcomed();
        }
    }
    become_live_if_ready();
}

void NodeSession::connect_feed() {
    const Status connected = feed_wires_.connect_feed(feed_endpoint_);
    has_feed_endpoint_ = connected.ok();
    if (!connected.ok()) {
        events_.on_no_feed(connected.error().text);
    }
}

void NodeSession::become_live_if_ready() {
    if (state_ == State::kWelcomed && feed_.live()) {
        state_ = State::kLive;
        node_.set_live(broker_, true);
        events_.on_live(broker_name_);
    }
}

void NodeSession::on_error(const wire::ErrorFrame& error, Time now) {
    switch (error.code) {
    case wire::ErrorCode::kHelloFirst:
        if (welcomed()) {
            lose(now);
        }
        return;
    case wire::ErrorCode::kInUse:
        return; // the broker has yet to learn that our last connection is gone; HELLO is repeated
    case wire::ErrorCode::kListNeeded:
        logins_.on_list_needed();
        return;
    case wire::ErrorCode::kOverloaded:
        if (is_of_logins(error.kind)) {
            logins_.on_refused();
            break; // the other ids are logged in; the broker asks for the list when it has room
        }
        lose_for_long(now);
        break;
    case wire::ErrorCode::kVersion:
    case wire::ErrorCode::kReplaced:
    case wire::ErrorCode::kOtherList:
        lose_for_long(now);
        break;
    case wire::ErrorCode::kNotAllowed:
        if (error.kind == static_cast<std::uint8_t>(wire::Kind::kHello)) {
            lose_for_long(now);
        }
        break;
    default:
        break;
    }
    events_.on_refused(error.code, error.text);
}

void NodeSession::on_feed_frame(std::string_view bytes, Time now) {
    const auto decoded = wire::decode(bytes, wire::Role::kNode);
    const auto* frame = std::get_if<wire::Frame>(&decoded);
    const auto* batch = frame == nullptr ? nullptr : std::get_if<wire::Batch>(frame);
    if (batch == nullptr) {
        ++counters_.bad_frames;
        return;
    }
    if (!welcomed()) {
        return;
    }
    const feed::FeedReader::Outcome outcome = feed_.on_batch(*batch, now);
    if (outcome.verdict == feed::FeedReader::Verdict::kForeign) {
        return;
    }
    note_feed(now);
    if (outcome.verdict != feed::FeedReader::Verdict::kGap) {
        heard_whole_feed_ = now;
    }
    last_batch_ = now;
    become_live_if_ready();
    act_on(outcome, *batch, bytes.size());
}

void NodeSession::act_on(const feed::FeedReader::Outcome& outcome, const wire::Batch& batch,
                         std::size_t batch_bytes) {
    switch (outcome.verdict) {
    case feed::FeedReader::Verdict::kApply:
        ++counters_.batches_applied;
        unacknowledged_bytes_ += batch_bytes;
        acknowledge_soon_ = acknowledge_soon_ || batch.messages.has_origins();
        apply(batch.messages);
        events_.on_applied(feed_.applied());
        break;
    case feed::FeedReader::Verdict::kShed:
        counters_.messages_lost += outcome.lost_messages;
        events_.on_gap({.reason = Gap::Reason::kShed,
                        .broker = broker_,
                        .live = node_.live(),
                        .messages = outcome.lost_messages});
        events_.on_applied(feed_.applied());
        unacknowledged_bytes_ += batch_bytes;
        break;
    case feed::FeedReader::Verdict::kRepeat:
        ++counters_.repeats;
        break;
    case feed::FeedReader::Verdict::kGap:
        if (outcome.resend) {
            ++counters_.gaps;
            wires_.send(wire::encode(*outcome.resend));
        }
        break;
    case feed::FeedReader::Verdict::kNothing:
    case feed::FeedReader::Verdict::kForeign:
        break;
    }
}

void NodeSession::apply(const wire::MessageList& messages) {
    counters_.messages_received += messages.count();
    if (!messages.has_origins()) {
        deliver(messages);
        return;
    }
    std::uint32_t unseen = 0;
    is_unseen_.clear();
    messages.for_each([&](const wire::Message& message) {
        is_unseen_.push_back(node_.seen().add(message.origin));
        unseen += is_unseen_.back() ? 1 : 0;
    });
    counters_.duplicates += messages.count() - unseen;
    if (unseen == messages.count()) {
        deliver(messages);
    } else if (unseen > 0) {
        deliver(messages.only(is_unseen_));
    }
}

void NodeSession::deliver(const wire::MessageList& messages) {
    node_.ledger().on_delivered(broker_, messages.count());
    events_.deliver(messages);
}

void NodeSession::begin_feed(const wire::HistoryTerms& history, bool had_one, Time now) {
    events_.on_feed_begun(history, !had_one);
    if (had_one) {
        note_cut_off(now);
    }
    last_batch_ = now;
    const wire::NodeLedger ended = counted_since_feed_began();
    const std::uint64_t received = carried_over_ + ended.received;
    const std::uint64_t settled = ended.duplicates + ended.unclaimed + ended.shown;
    carried_over_ = had_one && received > settled ? received - settled : 0;
    ledger_before_ = {};
    ledger_before_ = counted_since_feed_began();
}

/// The broker was restarted, or took us for dead: what it got for our ids meanwhile, and what it
/// had published and we had not applied, went nowhere.
void NodeSession::note_cut_off(Time now) {
    const Duration without_feed = now - last_batch_;
    streams_cut_off_ = events_.stream_count();
    cut_off_ms_ = static_cast<std::uint64_t>(in_ms(without_feed));
    ++counters_.cut_offs;
    counters_.streams_cut_off += streams_cut_off_;
    counters_.cut_off_ms += cut_off_ms_;
    events_.on_gap({.reason = Gap::Reason::kCutOff,
                    .broker = broker_,
                    .live = node_.live(),
                    .without_feed = without_feed});
}

/// Of the present feed: the broker compares it with what it published on that feed. Messages of
/// earlier feeds that waited for their turn when it began come before its own.
wire::NodeLedger NodeSession::ledger(Time now) {
    wire::NodeLedger ledger = counted_since_feed_began();
    std::uint64_t of_earlier = carried_over_;
    for (std::uint64_t* settled : {&ledger.shown, &ledger.unclaimed}) {
        const std::uint64_t part = std::min(*settled, of_earlier);
        *settled -= part;
        of_earlier -= part;
    }
    ledger.streams_cut_off = streams_cut_off_;
    ledger.cut_off_ms = cut_off_ms_;
    ledger.feed_silent = live() && !is_feed_silent(now) ? 0 : 1;
    return ledger;
}

wire::NodeLedger NodeSession::counted_since_feed_began() {
    wire::NodeLedger ledger = node_.ledger().of(broker_);
    ledger.received = counters_.messages_received - ledger_before_.received;
    ledger.duplicates = counters_.duplicates - ledger_before_.duplicates;
    ledger.unclaimed -= ledger_before_.unclaimed;
    ledger.shown -= ledger_before_.shown;
    ledger.chunks_given -= ledger_before_.chunks_given - ledger_before_.chunks_waiting;
    ledger.chunks_written -= ledger_before_.chunks_written;
    ledger.chunks_dropped -= ledger_before_.chunks_dropped;
    return ledger;
}

void NodeSession::ask(const wire::History& history) {
    if (welcomed()) {
        questions_.push_back(wire::encode(history));
    }
}

void NodeSession::confirm_logins(Time now) {
    if (logins_.refused()) {
        logins_.on_list_needed(); // there may be room by now
    }
    if (welcomed()) {
        tick(now); // which may find that the broker is lost
    }
    if (welcomed()) {
        send_heartbeat(now);
    }
    logins_.ask_for_confirmation();
}

void NodeSession::send_heartbeat(Time now) {
    const LoginReporter::Summary logins = logins_.summarize();
    acknowledge_soon_ = false;
    acknowledge_gather_.went(now);
    unacknowledged_bytes_ = 0;
    next_heartbeat_ = now + heartbeat_interval_;
    // The broker may have another feed for us by now, of which these numbers say nothing. So the
    // feed is named.
    wires_.send(wire::encode(wire::Heartbeat{feed_.applied(), logins.change, events_.stream_count(),
                                             logins.digest, ledger(now), feed_.incarnation()}));
}

void NodeSession::lose(Time now) {
    forget_broker();
    say_hello(now);
}

void NodeSession::lose_for_long(Time now) {
    if (welcomed()) {
        lose(now);
    }
    next_heartbeat_ = now + kAfterRefusal;
}

void NodeSession::forget_broker() {
    const bool was_live = live();
    if (was_live) {
        live_until_ = heard();
    }
    state_ = State::kGreeting;
    node_.set_live(broker_, false);
    logins_.forget_broker();
    questions_.clear();
    ++counters_.lost_brokers;
    if (was_live) {
        events_.on_lost();
    }
}

Time NodeSession::heard() const {
    // While the broker works through our list its answers come late; its feed does not.
    return logins_.list_under_way() ? heard_feed_ : std::min(heard_broker_, heard_feed_);
}

void NodeSession::tick(Time now) {
    if (state_ == State::kOver) {
        return;
    }
    if (welcomed() && heard() + liveness_ <= now) {
        lose(now);
    }
    if (hello_unanswered_ && next_heartbeat_ <= now) {
        say_hello(now);
    }
    if (!welcomed()) {
        return;
    }
    // The broker answers, and publishes nothing that we get: it may not know of our subscription,
    // or the SUB's connection hangs. HELLO, which went out first, does not mend that.
    if (feed_reconnect_due() <= now) {
        if (has_feed_endpoint_) {
            events_.on_feed_silent(
                "nothing has come from the feed at " + feed_endpoint_ + " for " +
                std::to_string(in_ms(now - feed_quiet_since_)) +
                " ms, although the broker answers: can this host reach that port?");
        }
        feed_quiet_since_ = now;
        ++counters_.feed_reconnects;
        connect_feed();
    }
    logins_.tick(now);
    counters_.lists_sent = logins_.lists_sent();
    if (logins_.has_told_all()) {
        for (std::string& question : questions_) {
            wires_.send(std::move(question));
        }
        questions_.clear();
    }
    if (logins_.confirmation_due()) {
        send_heartbeat(now);
        logins_.ask_for_confirmation();
    }
    if (heartbeat_due() <= now) {
        send_heartbeat(now);
        if (logins_.awaits_confirmation()) {
            logins_.ask_for_confirmation();
        }
    }
}

Time NodeSession::heartbeat_due() const {
    if (unacknowledged_bytes_ >= wire::kAcknowledgeBytes) {
        return Time::min();
    }
    return acknowledge_soon_ ? std::min(next_heartbeat_, acknowledge_gather_.due())
                             : next_heartbeat_;
}

/// After a WELCOME the feed has a heartbeat's time to be heard: a broker that was stopped for a
/// while needs no new connection.
Time NodeSession::feed_reconnect_due() const {
    return std::max(feed_quiet_since_ + liveness_, heard_feed_ + heartbeat_interval_);
}

Time NodeSession::due() const {
    if (state_ == State::kIdle || state_ == State::kOver) {
        return kNever;
    }
    if (!welcomed()) {
        return next_heartbeat_;
    }
    if (!questions_.empty() && logins_.has_told_all()) {
        return Time::min();
    }
    return std::min({heartbeat_due(), logins_.due(), heard() + liveness_, feed_reconnect_due()});
}

void NodeSession::goodbye(Time now) {
    if (welcomed()) {
        tick(now); // as in confirm_logins()
    }
    if (welcomed()) {
        send_heartbeat(now); // the last acknowledgement, and the last ledger
    }
    if (state_ != State::kIdle) {
        wires_.send(wire::encode(wire::Goodbye{}));
    }
    state_ = State::kOver;
    node_.set_live(broker_, false);
    logins_.forget_broker();
}

} // namespace zcomet::session

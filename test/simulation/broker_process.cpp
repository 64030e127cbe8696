#include "test/simulation/broker_process.hpp"

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <variant>

namespace zcomet::sim {

namespace {

/// As in broker/shell/broker.cpp.
constexpr unsigned kFramesPerTurn = 256;
/// The connection that asks on behalf of the checks.
constexpr std::string_view kObserver = "observer";
/// Begins the connection of a stranger; the incarnation that the stranger claims follows.
constexpr std::string_view kStranger = "stranger-";
/// The connection of an intruder, and the name of its key.
constexpr std::string_view kIntruder = "intruder";
/// A key that has gone with its connection.
const keys::KnownKey kNobody;

bool is_stranger(std::string_view connection) {
    return connection.starts_with(kStranger);
}

broker::router::RouterOptions complete(broker::router::RouterOptions options, Random& random) {
    options.incarnation = random.next() | 1U;
    options.feed_endpoint = "tcp://*:5556";
    // The checks ask at any time, and want to know what is so now.
    options.queries_per_second = 1'000'000'000;
    options.answer_age = Duration::zero();
    options.random = [&random] { return random.next() | 1U; };
    return options;
}

std::string_view name_of(broker::router::RouterEvent::Kind kind) {
    constexpr std::array<std::string_view, broker::router::RouterEvent::kKinds> kNames = {
        "joined",    "reconnected", "live",    "left",    "died",
        "replaced",  "shed",        "refused", "paused",  "behind",
        "caught up", "disbelieved", "drifted", "revoked", "near-limit"};
    return kNames[static_cast<std::size_t>(kind)];
}

} // namespace

BrokerProcess::BrokerProcess(World& world, Network& network, BrokerWatch& watch,
                             broker::router::RouterOptions options, std::string name)
    : Process(world, std::move(name)), network_(network), watch_(watch),
      options_(complete(std::move(options), world.random())),
      router_(*this, options_, world.now()) {
    watch_.on_broker_start(*this);
    network_.serve(*this);
}

void BrokerProcess::crash(Word word) {
    die();
    watch_.on_broker_end();
    network_.broker_dies(word);
}

bool BrokerProcess::forge_hello(std::uint64_t incarnation, wire::Role role,
                                const std::string& name) {
    if (!watch_.is_heard(incarnation)) {
        return false;
    }
    const std::string connection = fmt::format("{}{}", kStranger, incarnation);
    claimed_[connection] = name;
    on_arrival(connection, wire::encode(wire::Hello{incarnation, role, name, 0}));
    return true;
}

/// A WELCOME to a stranger needs the proof that the peer's own connection is gone.
void BrokerProcess::check_stranger(std::string_view connection, std::string_view frame) {
    if (static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]) != wire::Kind::kWelcome) {
        return;
    }
    const std::uint64_t incarnation = std::stoull(std::string(connection.substr(kStranger.size())));
    if (watch_.is_heard(incarnation) && network_.is_known(watch_.connection_of(incarnation))) {
        world().violate(fmt::format("a stranger was welcomed in the place of {:04x}, which lives",
                                    incarnation >> 48U));
    }
}

// ---- Keys --------------------------------------------------------------------------------------
//
// Each process has a key of its own, which its successors of the same name have as well. Those of
// honest processes are never refused: they would violate a promise, being refused.

const keys::KnownKey& BrokerProcess::key_of(const std::string& owner) {
    keys::KnownKey& key = keys_[owner];
    if (key.name.empty()) {
        key.index = keys_.size();
        key.name = owner;
        const bool is_node = owner.front() == 'n' || owner == kIntruder;
        key.roles = is_node              ? keys::Roles{keys::Role::kNode}
                    : owner == kObserver ? keys::Roles{keys::Role::kOperator}
                                         : keys::Roles{keys::Role::kSender};
    }
    return key;
}

const keys::KnownKey& BrokerProcess::key_of_connection(const std::string& connection) {
    if (is_stranger(connection)) { // it claims the place of a process with the same key
        return key_of(claimed_.at(connection));
    }
    return key_of(network_.client_of(connection));
}

bool BrokerProcess::intrude(std::uint64_t incarnation, wire::Role role, const std::string& name) {
    if (!alive() || !watch_.is_heard(incarnation)) {
        return false;
    }
    const bool is_node = role == wire::Role::kNode;
    say_as_intruder(wire::encode(wire::Hello{incarnation, role, name, 0}));
    say_as_intruder(wire::encode(wire::Hello{~incarnation, wire::Role::kSender, "intruder", 0}));
    say_as_intruder(wire::encode(wire::Query{1, "nodes", ""}));
    say_as_intruder(wire::encode(wire::Query{1, "who", "a"}));
    if (is_node) {
        say_as_intruder(wire::encode(wire::Hello{~incarnation, role, name, 0}));
        const std::string topic = wire::encode_topic(incarnation);
        for (const bool begins : {true, false}) {
            if (router_.on_subscription(topic, begins, &key_of(std::string(kIntruder)))) {
                world().violate("an intruder has a say about the feed of " + name);
            }
        }
    }
    return true;
}

void BrokerProcess::say_as_intruder(const std::string& frame) {
    const std::uint64_t untold = counter(broker::table::BrokerCounter::kErrorsUntold);
    is_intruder_refused_ = false;
    router_.on_frame(kIntruder, frame, world().now(), &key_of(std::string(kIntruder)));
    const bool is_untold = counter(broker::table::BrokerCounter::kErrorsUntold) > untold;
    if (!is_intruder_refused_ && !is_untold) {
        world().violate("an intruder was not refused: " + frame_text(frame, wire::Role::kNode));
    }
}

void BrokerProcess::check_intruder(std::string_view frame) {
    const auto decoded = wire::decode(frame);
    const auto* said = std::get_if<wire::Frame>(&decoded);
    const auto* error = said == nullptr ? nullptr : std::get_if<wire::ErrorFrame>(said);
    is_intruder_refused_ = error != nullptr && error->code == wire::ErrorCode::kNotAllowed;
}

std::string BrokerProcess::ask(std::string_view what, std::string_view argument) {
    router_.on_frame(kObserver, wire::encode(wire::Query{1, what, argument}), world().now(),
                     &key_of(std::string(kObserver)));
    return std::move(answer_);
}

void BrokerProcess::turn() {
    for (; !subscriptions_.empty(); subscriptions_.pop_front()) {
        const Subscription& next = subscriptions_.front();
        const keys::KnownKey& key = next.begins ? key_of(next.client) : kNobody;
        if (!router_.on_subscription(next.topic, next.begins, &key) && next.begins) {
            world().violate(next.client + " may not hear its own feed");
        }
    }
    take_in_frames();
    router_.turn(world().now());
    watch_.after_turn();
}

void BrokerProcess::take_in_frames() {
    for (unsigned i = 0; i < kFramesPerTurn && !frames_.empty(); ++i) {
        const auto [connection, frame] = std::move(frames_.front());
        frames_.pop_front();
        watch_.before_frame(connection, frame);
        router_.on_frame(connection, frame, world().now(), &key_of_connection(connection));
        watch_.after_frame();
    }
}

Time BrokerProcess::due() const {
    return frames_.empty() ? router_.due() : Time::min();
}

void BrokerProcess::on_arrival(const std::string& connection, std::string frame) {
    frames_.emplace_back(connection, std::move(frame));
    on_input();
}

void BrokerProcess::on_subscription(const std::string& client, const std::string& topic,
                                    bool subscribed) {
    subscriptions_.push_back({client, topic, subscribed});
    on_input();
}

bool BrokerProcess::send_to_peer(std::string_view connection, std::string frame) {
    if (connection == kObserver) {
        const auto decoded = wire::decode(frame);
        answer_ = std::get<wire::Answer>(std::get<wire::Frame>(decoded)).json;
        return true;
    }
    if (connection == kIntruder) {
        check_intruder(frame);
        return true;
    }
    if (is_stranger(connection)) {
        check_stranger(connection, frame);
        return false;
    }
    watch_.on_reply(connection, frame);
    return network_.send_to_peer(connection, std::move(frame));
}

bool BrokerProcess::is_connected(std::string_view connection, std::string probe) {
    return !is_stranger(connection) && network_.is_connected(connection, std::move(probe));
}

void BrokerProcess::publish(std::string_view topic, const feed::SharedFrame& frame) {
    watch_.on_publish(topic, *frame);
    network_.publish(topic, *frame);
}

std::string BrokerProcess::address_of(std::string_view connection) {
    return std::string(connection);
}

void BrokerProcess::on_event(const broker::router::RouterEvent& event) {
    if (world().tracing()) {
        world().note(fmt::format("    {}: {} {} {:04x} {}", process_name(), event.name,
                                 name_of(event.kind), event.incarnation >> 48U, event.text));
    }
    if (event.kind == broker::router::RouterEvent::Kind::kDied) {
        // A node that had sent its list notices the loss only by the silence of its feed, which
        // begins now: until then its broker may just be busy with the list.
        network_.note_talk();
    }
    watch_.on_event(event);
}

} // namespace zcomet::sim

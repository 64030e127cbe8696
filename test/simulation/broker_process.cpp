#include "test/simulation/broker_process.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace zcomet::sim {

namespace {

/// As in broker/shell/broker.cpp.
constexpr unsigned kFramesPerTurn = 256;
/// The connection that asks on behalf of the checks.
constexpr std::string_view kObserver = "observer";
/// Begins the connection of a stranger; the incarnation that the stranger claims follows.
constexpr std::string_view kStranger = "stranger-";

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
        "joined",  "reconnected", "live",   "left",      "died",        "replaced", "shed",
        "refused", "paused",      "behind", "caught up", "disbelieved", "drifted",  "near-limit"};
    return kNames[static_cast<std::size_t>(kind)];
}

} // namespace

BrokerProcess::BrokerProcess(World& world, Network& network, Promises& promises,
                             broker::router::RouterOptions options)
    : Process(world, "broker"), network_(network), promises_(promises),
      options_(complete(std::move(options), world.random())),
      router_(*this, options_, world.now()) {
    promises_.on_broker_start(*this);
    network_.serve(*this);
}

void BrokerProcess::crash(Word word) {
    die();
    promises_.on_broker_end();
    network_.broker_dies(word);
}

bool BrokerProcess::forge_hello(std::uint64_t incarnation, wire::Role role,
                                const std::string& name) {
    if (!promises_.is_heard(incarnation)) {
        return false;
    }
    on_arrival(fmt::format("{}{}", kStranger, incarnation),
               wire::encode(wire::Hello{incarnation, role, name, 0}));
    return true;
}

/// A WELCOME to a stranger needs the proof that the peer's own connection is gone.
void BrokerProcess::check_stranger(std::string_view connection, std::string_view frame) {
    if (static_cast<wire::Kind>(frame[wire::kHeaderBytes - 1]) != wire::Kind::kWelcome) {
        return;
    }
    const std::uint64_t incarnation = std::stoull(std::string(connection.substr(kStranger.size())));
    if (promises_.is_heard(incarnation) &&
        network_.is_known(promises_.connection_of(incarnation))) {
        world().violate(fmt::format("a stranger was welcomed in the place of {:04x}, which lives",
                                    incarnation >> 48U));
    }
}

std::string BrokerProcess::ask(std::string_view what, std::string_view argument) {
    router_.on_frame(kObserver, wire::encode(wire::Query{1, what, argument}), world().now());
    return std::move(answer_);
}

void BrokerProcess::turn() {
    for (; !subscriptions_.empty(); subscriptions_.pop_front()) {
        router_.on_subscription(subscriptions_.front().first, subscriptions_.front().second);
    }
    take_in_frames();
    router_.turn(world().now());
    promises_.after_turn();
}

void BrokerProcess::take_in_frames() {
    for (unsigned i = 0; i < kFramesPerTurn && !frames_.empty(); ++i) {
        const auto [connection, frame] = std::move(frames_.front());
        frames_.pop_front();
        promises_.before_frame(connection, frame);
        router_.on_frame(connection, frame, world().now());
        promises_.after_frame();
    }
}

Time BrokerProcess::due() const {
    return frames_.empty() ? router_.due() : Time::min();
}

void BrokerProcess::on_arrival(const std::string& connection, std::string frame) {
    frames_.emplace_back(connection, std::move(frame));
    on_input();
}

void BrokerProcess::on_subscription(const std::string& topic, bool subscribed) {
    subscriptions_.emplace_back(topic, subscribed);
    on_input();
}

bool BrokerProcess::send_to_peer(std::string_view connection, std::string frame) {
    if (connection == kObserver) {
        const auto decoded = wire::decode(frame);
        answer_ = std::get<wire::Answer>(std::get<wire::Frame>(decoded)).json;
        return true;
    }
    if (is_stranger(connection)) {
        check_stranger(connection, frame);
        return false;
    }
    promises_.on_reply(connection, frame);
    return network_.send_to_peer(connection, std::move(frame));
}

bool BrokerProcess::is_connected(std::string_view connection, std::string probe) {
    return !is_stranger(connection) && network_.is_connected(connection, std::move(probe));
}

void BrokerProcess::publish(std::string_view topic, const feed::SharedFrame& frame) {
    promises_.on_publish(topic, *frame);
    network_.publish(topic, *frame);
}

std::string BrokerProcess::address_of(std::string_view connection) {
    return std::string(connection);
}

void BrokerProcess::on_event(const broker::router::RouterEvent& event) {
    if (world().tracing()) {
        world().note(fmt::format("    broker: {} {} {:04x} {}", event.name, name_of(event.kind),
                                 event.incarnation >> 48U, event.text));
    }
    if (event.kind == broker::router::RouterEvent::Kind::kDied) {
        // A node that had sent its list notices the loss only by the silence of its feed, which
        // begins now: until then its broker may just be busy with the list.
        network_.note_talk();
    }
    promises_.on_event(event);
}

} // namespace zcomet::sim

#include "test/simulation/network.hpp"

#include "test/simulation/frame_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace zcomet::sim {

namespace {

// For a DEALER or a SUB that has no connection, as in topology/link/zmq_socket.cpp.
constexpr Duration kReconnectMin = 100ms;
constexpr Duration kReconnectMax = 1s;
constexpr Duration kFirstConnect = 1ms;
/// Within this time an end learns that the other one has closed the connection.
constexpr Duration kWordMax = 5ms;
/// A stray end of a subscription follows within this time: before HELLO, or long after.
constexpr Duration kStrayMax = 2s;

std::size_t index_of(Way way) {
    return static_cast<std::size_t>(way);
}

} // namespace

// ---- Connections -------------------------------------------------------------------------------

void Network::serve(NetworkServer& server) {
    server_ = &server;
    ++broker_life_;
}

void Network::broker_dies(Word word) {
    server_ = nullptr;
    for (Connection& connection : connections_) {
        if (connection.broker_life == broker_life_) {
            connection.broker_knows = false;
            connection.lanes[index_of(Way::kToBroker)].flights.clear();
            if (!connection.broken) {
                sever(connection, word, word);
            }
        }
    }
}

Network::Link& Network::connect(NetworkClient& client, Socket socket, std::string topic) {
    Link& link = links_.emplace_back();
    link.client = &client;
    link.socket = socket;
    link.topic = std::move(topic);
    attempt_after(link, kFirstConnect);
    return link;
}

void Network::close(Link& link) {
    link.closed = true;
    Connection* const connection = std::exchange(link.connection, nullptr);
    if (connection != nullptr && !connection->broken) {
        connection->lanes[index_of(Way::kToClient)].flights.clear();
        sever(*connection, Word::kSoon, Word::kSoon);
    }
}

void Network::client_dies(const NetworkClient& client, Word word, bool lingering) {
    for (Link* link : links_of(client)) {
        link->closed = true;
        Connection* const connection = std::exchange(link->connection, nullptr);
        if (connection == nullptr || connection->broken) {
            continue;
        }
        connection->lanes[index_of(Way::kToClient)].flights.clear();
        auto& under_way = connection->lanes[index_of(Way::kToBroker)];
        if (lingering) {
            // The connection ends after its last frame.
            connection->broken = true;
            world_.at(under_way.last_arrival + kWordMax,
                      [this, connection] { broker_notices(*connection); });
        } else {
            sever(*connection, word, word);
        }
    }
}

void Network::attempt_after(Link& link, Duration delay) {
    world_.after(delay, [this, &link] { attempt(link); });
}

void Network::attempt(Link& link) {
    if (link.closed || link.connection != nullptr) {
        return;
    }
    if (server_ == nullptr || blocked(link, Way::kToBroker) || blocked(link, Way::kToClient)) {
        attempt_after(link, world_.random().spread(kReconnectMin, kReconnectMax));
        return;
    }
    Connection& connection = connections_.emplace_back();
    connection.link = &link;
    connection.name = fmt::format("c{}", connections_.size() - 1);
    connection.broker_life = broker_life_;
    link.connection = &connection;
    if (world_.tracing()) {
        world_.note(fmt::format("    {} connects as {}{}", link.client->name(), connection.name,
                                link.socket == Socket::kSub ? " (feed)" : ""));
    }
    if (link.socket == Socket::kSub) {
        launch(connection, Way::kToBroker, link.topic);
    } else {
        link.client->on_connection();
    }
}

void Network::break_connection(Link& link, Word client_word, Word broker_word) {
    if (link.connection != nullptr && !link.connection->broken) {
        sever(*link.connection, client_word, broker_word);
    }
}

void Network::sever(Connection& connection, Word client_word, Word broker_word) {
    connection.broken = true;
    for (const Way way : {Way::kToBroker, Way::kToClient}) {
        Lane& lane = connection.lanes[index_of(way)];
        if (blocked(*connection.link, way)) {
            lane.flights.clear();
        } else {
            lose_some(lane);
        }
    }
    world_.after(notice_delay(client_word), [this, &connection] { client_notices(connection); });
    world_.after(notice_delay(broker_word), [this, &connection] { broker_notices(connection); });
}

/// The first frames under way arrive, the others are lost; chance decides how many.
void Network::lose_some(Lane& lane) {
    if (!lane.flights.empty()) {
        const std::uint64_t kept = world_.random().below(lane.flights.size() + 1);
        lane.flights.resize(kept);
    }
}

void Network::client_notices(Connection& connection) {
    Link& link = *connection.link;
    if (link.connection != &connection) {
        return;
    }
    link.connection = nullptr;
    if (link.socket == Socket::kDealer) {
        link.client->on_connection();
    }
    attempt_after(link, world_.random().spread(kReconnectMin, kReconnectMax));
}

void Network::broker_notices(Connection& connection) {
    if (!connection.broker_knows) {
        return;
    }
    connection.broker_knows = false;
    if (connection.subscribed) {
        server_->on_subscription(connection.link->client->name(), connection.link->topic, false);
    }
}

Duration Network::notice_delay(Word word) {
    Random& random = world_.random();
    return word == Word::kSoon ? random.spread(1us, kWordMax)
                               : kSilenceMax + random.spread(1us, kSilenceLate);
}

// ---- Frames ------------------------------------------------------------------------------------

bool Network::send(Link& link, std::string frame) {
    if (!is_heartbeat(frame)) {
        last_talk_ = world_.now();
    }
    if (link.connection == nullptr) {
        return false;
    }
    launch(*link.connection, Way::kToBroker, std::move(frame));
    return true;
}

Network::Connection& Network::connection_of(std::string_view name) {
    std::size_t index = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), index);
    return connections_[index];
}

bool Network::is_connected(std::string_view connection, std::string probe) {
    Connection& to = connection_of(connection);
    if (to.broker_knows) {
        launch(to, Way::kToClient, std::move(probe));
    }
    return to.broker_knows;
}

bool Network::send_to_peer(std::string_view connection, std::string frame) {
    if (!is_heartbeat(frame)) {
        last_talk_ = world_.now();
    }
    Connection& to = connection_of(connection);
    if (!to.broker_knows) {
        return false;
    }
    if (world_.random().chance(drops_.replies_per_mille)) {
        note_frame(to, Way::kToClient, "not taken:", frame);
        world_.count(Fault::kReplyDrop, to.link->client->name());
        return false;
    }
    launch(to, Way::kToClient, std::move(frame));
    return true;
}

void Network::publish(std::string_view topic, const std::string& frame) {
    if (!is_heartbeat(frame)) {
        last_talk_ = world_.now();
    }
    for (const Link& link : links_) {
        Connection* const to = link.connection;
        if (to == nullptr || link.topic != topic || !to->subscribed || !to->broker_knows) {
            continue;
        }
        if (world_.random().chance(drops_.feed_per_mille)) {
            note_frame(*to, Way::kToClient, "dropped:", frame);
            world_.count(Fault::kFeedDrop, link.client->name());
            continue;
        }
        launch(*to, Way::kToClient, frame);
    }
}

void Network::launch(Connection& connection, Way way, std::string frame) {
    ++world_.totals().frames;
    world_.record(frame);
    note_frame(connection, way, connection.broken ? "into the void:" : "sends", frame);
    if (connection.broken) {
        return;
    }
    Lane& lane = connection.lanes[index_of(way)];
    const Duration delay = world_.random().spread(options_.delay_min, options_.delay_max);
    lane.last_arrival = std::max(world_.now() + delay, lane.last_arrival);
    lane.flights.push_back({lane.last_arrival, std::move(frame)});
    arm(connection, way);
}

void Network::arm(Connection& connection, Way way) {
    Lane& lane = connection.lanes[index_of(way)];
    if (!lane.armed && !lane.flights.empty()) {
        lane.armed = true;
        world_.at(lane.flights.front().arrives,
                  [this, &connection, way] { arrive(connection, way); });
    }
}

void Network::arrive(Connection& connection, Way way) {
    Lane& lane = connection.lanes[index_of(way)];
    lane.armed = false;
    if (blocked(*connection.link, way) && !connection.broken) {
        return; // block() calls this again
    }
    while (!lane.flights.empty() && lane.flights.front().arrives <= world_.now()) {
        std::string frame = std::move(lane.flights.front().frame);
        lane.flights.pop_front();
        hand_over(connection, way, std::move(frame));
    }
    arm(connection, way);
}

void Network::hand_over(Connection& connection, Way way, std::string frame) {
    const Link& link = *connection.link;
    if (way == Way::kToClient) {
        if (!link.closed) {
            note_frame(connection, way, "arrives:", frame);
            link.client->on_arrival(link.socket, std::move(frame));
        }
        return;
    }
    if (server_ == nullptr || connection.broker_life != broker_life_) {
        return;
    }
    note_frame(connection, way, "arrives:", frame);
    if (link.socket == Socket::kDealer) {
        turn_change(connection, frame);
        lie(connection, frame);
        server_->on_arrival(connection.name, std::move(frame));
    } else if (connection.broker_knows) {
        subscribe(connection, frame);
    }
}

void Network::subscribe(Connection& connection, const std::string& topic) {
    connection.subscribed = true;
    server_->on_subscription(connection.link->client->name(), topic, true);
    if (!world_.more_random().chance(drops_.strays_per_mille)) {
        return;
    }
    const std::uint64_t life = broker_life_;
    world_.after(world_.more_random().spread(1us, kStrayMax), [this, &connection, topic, life] {
        if (server_ != nullptr && broker_life_ == life) {
            world_.count(Fault::kStrayUnsubscribe, connection.link->client->name());
            server_->on_subscription(connection.link->client->name(), topic, false);
        }
    });
}

/// LOGIN and LOGOUT differ only in their kind.
void Network::turn_change(const Connection& connection, std::string& frame) {
    char& kind = frame[wire::kHeaderBytes - 1];
    const bool is_login = kind == static_cast<char>(wire::Kind::kLogin);
    const bool is_change = is_login || kind == static_cast<char>(wire::Kind::kLogout);
    if (is_change && world_.more_random().chance(drops_.turned_changes_per_mille)) {
        kind = static_cast<char>(is_login ? wire::Kind::kLogout : wire::Kind::kLogin);
        world_.count(Fault::kTurnedChange, connection.link->client->name());
    }
}

/// A node's HEARTBEAT says something impossible of what became of its messages.
void Network::lie(const Connection& connection, std::string& frame) {
    if (connection.link->client->role() != wire::Role::kNode || !is_heartbeat(frame) ||
        !world_.more_random().chance(drops_.lies_per_mille)) {
        return;
    }
    const auto decoded = wire::decode(frame);
    auto heartbeat = std::get<wire::Heartbeat>(std::get<wire::Frame>(decoded));
    wire::NodeLedger& ledger = heartbeat.ledger;
    const std::array counts{&ledger.received,       &ledger.duplicates,    &ledger.unclaimed,
                            &ledger.shown,          &ledger.chunks_given,  &ledger.chunks_written,
                            &ledger.chunks_dropped, &ledger.chunks_waiting};
    std::uint64_t& count = *counts[world_.more_random().below(counts.size())];
    count = world_.more_random().next() | (std::uint64_t{1} << 60U);
    frame = wire::encode(heartbeat);
    world_.count(Fault::kLyingLedger, connection.link->client->name());
}

// ---- Faults ------------------------------------------------------------------------------------

bool Network::blocked(const Link& link, Way way) const {
    return world_.now() < link.blocked_until[index_of(way)];
}

void Network::block(Link& link, bool to_broker, bool to_client, Duration duration) {
    const Time until = world_.now() + duration;
    for (const Way way : {Way::kToBroker, Way::kToClient}) {
        if (way == Way::kToBroker ? to_broker : to_client) {
            Time& blocked_until = link.blocked_until[index_of(way)];
            blocked_until = std::max(blocked_until, until);
        }
    }
    Connection* const connection = link.connection;
    if (connection == nullptr) {
        return;
    }
    world_.at(until, [this, connection] {
        arm(*connection, Way::kToBroker);
        arm(*connection, Way::kToClient);
    });
    world_.after(kSilenceMax, [this, &link, connection] { give_up_if_blocked(link, *connection); });
}

/// An end that has heard nothing closes the connection; the other end learns of that if it can.
void Network::give_up_if_blocked(Link& link, Connection& connection) {
    const bool to_broker = blocked(link, Way::kToBroker);
    const bool to_client = blocked(link, Way::kToClient);
    if (connection.broken || !(to_broker || to_client)) {
        return;
    }
    const bool both = to_broker && to_client;
    sever(connection, both && world_.random().chance(500) ? Word::kBySilence : Word::kSoon,
          both && world_.random().chance(500) ? Word::kBySilence : Word::kSoon);
}

std::vector<Network::Link*> Network::links_of(const NetworkClient& client) {
    std::vector<Link*> links;
    for (Link& link : links_) {
        if (link.client == &client && !link.closed) {
            links.push_back(&link);
        }
    }
    return links;
}

void Network::heal() {
    drops_ = {};
    for (Link& link : links_) {
        link.blocked_until.fill(Time::min());
        if (link.connection != nullptr) {
            arm(*link.connection, Way::kToBroker);
            arm(*link.connection, Way::kToClient);
        }
    }
}

void Network::note_frame(const Connection& connection, Way way, std::string_view event,
                         std::string_view frame) const {
    if (!world_.tracing()) {
        return;
    }
    const Link& link = *connection.link;
    const bool is_subscription = link.socket == Socket::kSub && way == Way::kToBroker;
    const std::string text =
        is_subscription ? std::string("subscription") : frame_text(frame, link.client->role());
    world_.note(fmt::format("{} {} {} ({}) {} {}", link.client->name(),
                            way == Way::kToBroker ? "->" : "<-", server_name_, connection.name,
                            event, text));
}

} // namespace zcomet::sim

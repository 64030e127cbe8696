#include "broker/shell/broker.hpp"

#include "topology/admin/stats_pages.hpp"
#include "topology/base/check.hpp"
#include "topology/host/host_names.hpp"
#include "topology/link/query.hpp"
#include "topology/net/own_names.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

namespace zcomet::broker::shell {

namespace {

/// @limit subscriptions that a broker reads in a turn
constexpr unsigned kSubscriptionsPerTurn = 1024;
/// A node subscribes to one topic over a connection. libzmq keeps a kilobyte for each of eight
/// bytes.
/// @limit topics that a connection with a key may subscribe to, after which a broker ends it
constexpr std::uint32_t kTopicsPerConnection = 16;
/// How long another broker that may hold our port has to answer.
constexpr Duration kProbeTimeout = 1s;

/// The address by which this machine reaches itself, if `address` means all of its own.
wire::HostPort reachable(wire::HostPort address) {
    address.host = wire::reachable_from_here(address.host);
    return address;
}

/// The name of the broker that answers at `address`, if there is one.
std::optional<std::string> broker_at(link::LinkContext& context, const wire::HostPort& address) {
    const Result<std::string> stats = link::query_broker(
        context, wire::tcp_endpoint(reachable(address)), "stats", "", kProbeTimeout);
    if (!stats.ok()) {
        return std::nullopt;
    }
    const auto json = nlohmann::json::parse(stats.value(), nullptr, false);
    return json.is_object() ? json.value("name", "?") : std::optional<std::string>("?");
}

std::uint16_t port_of(const std::string& endpoint) {
    return wire::parse_tcp_endpoint(endpoint).value().port;
}

/// Bytes of answers that peers have not read. As much is left for batches (link::kFeedFramesMax).
std::size_t share_of(std::uint64_t memory_max) {
    return memory_max / router::kQueuesPart / 2;
}

} // namespace

Broker::Broker(link::LinkContext& context, const BrokerOptions& options)
    : gatekeeper_(
          options.keys_path.empty()
              ? nullptr
              : std::make_unique<Gatekeeper>(
                    context, options.keys_path, options.allowed_keys,
                    [this] { router_->count(table::BrokerCounter::kHandshakesRefused, 1); })),
      peers_(context, zmq::socket_type::router), feeds_(context, zmq::socket_type::xpub),
      replies_(share_of(options.router.memory_max)), handshakes_(context, peers_, feeds_, [this] {
          router_->count(table::BrokerCounter::kHandshakesFailed, 1);
      }) {
    const bool has_keys = context.security().mode() == link::Security::Mode::kCurve;
    ZCOMET_ASSERT(has_keys == (gatekeeper_ != nullptr)); // or everybody would be let in
    if (has_keys) {
        feeds_.wait_for_approval();
    }
}

Broker::~Broker() = default;

Result<std::unique_ptr<Broker>> Broker::open(link::LinkContext& context, BrokerOptions options) {
    std::unique_ptr<Broker> broker(new Broker(context, options));
    if (Status bound = broker->bind(context, options); !bound.ok()) {
        return bound.error();
    }
    wire::HostPort feed = wire::parse_tcp_endpoint(broker->feed_endpoint()).value();
    if (!options.advertise.empty()) {
        feed.host = options.advertise;
    }
    options.router.feed_endpoint = wire::tcp_endpoint(feed);
    const Duration liveness = options.router.liveness;
    broker->router_ = std::make_unique<router::Router>(static_cast<router::RouterHost&>(*broker),
                                                       std::move(options.router), Clock::now());
    broker->connections_ = std::make_unique<ConnectionWatch>(ConnectionWatch::Options{
        port_of(broker->listen_endpoint()), port_of(broker->feed_endpoint()), liveness});
    if (!options.admin.host.empty()) {
        auto admin = admin::AdminServer::open(
            options.admin, admin::stats_pages([shown = broker.get()] {
                shown->watch_admin();
                const router::Router& router = *shown->router_;
                return router::stats_snapshot(router.identity(), router.counters(), Clock::now());
            }));
        if (!admin.ok()) {
            return admin.error();
        }
        broker->admin_ = std::move(admin).value();
        broker->own_names_ = net::own_names({options.admin});
        broker->set_http_names(std::move(options.http_names));
    }
    return broker;
}

Status Broker::bind(link::LinkContext& context, const BrokerOptions& options) {
    if (Status bound = peers_.bind(wire::tcp_endpoint(options.listen)); !bound.ok()) {
        if (const auto name = broker_at(context, options.listen)) {
            return Error{"a zcomet-broker named \"" + *name + "\" is already running at " +
                         wire::tcp_endpoint(options.listen)};
        }
        return bound;
    }
    return feeds_.bind(wire::tcp_endpoint(options.feed));
}

std::string Broker::admin_address() const {
    return admin_ == nullptr ? std::string() : admin_->address().text();
}

void Broker::run(loop::Loop& loop, int stop_fd) {
    if (gatekeeper_ != nullptr) {
        gatekeeper_->add_to(loop);
    }
    loop.add(handshakes_, loop::Order::kBroker);
    loop.add(*this, loop::Order::kBroker);
    if (admin_ != nullptr) {
        loop.add(*admin_, loop::Order::kAccepts);
    }
    loop.run(stop_fd);
    loop.remove(*this);
    loop.remove(handshakes_);
    if (gatekeeper_ != nullptr) {
        gatekeeper_->remove_from(loop);
    }
    if (admin_ != nullptr) {
        loop.remove(*admin_);
    }
}

void Broker::set_options(router::RouterOptions options) {
    replies_.set_share(share_of(options.memory_max));
    router_->set_options(std::move(options));
}

void Broker::set_http_names(std::vector<std::string> names) {
    if (admin_ != nullptr) {
        names.insert(names.end(), own_names_.begin(), own_names_.end());
        admin_->use(host::HostNames(std::move(names)));
    }
}

void Broker::read_keys_again() {
    if (gatekeeper_ != nullptr) {
        gatekeeper_->read_again();
    }
}

void Broker::on_ready(std::size_t index) {
    (index == 0 ? peers_ready_ : feeds_ready_) = true;
}

bool Broker::turn(Time now) {
    if (feeds_ready_) {
        receive_subscriptions();
    }
    if (peers_ready_) {
        receive_frames(now);
    }
    router_->turn(now);
    watch_connections(now);
    replies_.turn(now);
    watch_admin();
    freed_memory_.turn(now);
    // The descriptors report news only once, and sending may have consumed the report. So the
    // sockets are asked before every sleep.
    peers_ready_ = peers_.readable();
    feeds_ready_ = feeds_.readable();
    return peers_ready_ || feeds_ready_;
}

void Broker::receive_frames(Time now) {
    while (router_->has_room()) {
        bool more = false;
        const std::optional<zmq::message_t> connection = peers_.receive(more);
        if (!connection) {
            return;
        }
        std::optional<zmq::message_t> frame = more ? peers_.receive(more) : std::nullopt;
        const bool single = frame && !more;
        while (more && peers_.receive(more)) {
        }
        current_ = frame ? &*frame : nullptr;
        // The protocol has no multi-frame messages. The router gets an empty frame for one, and
        // refuses it.
        const keys::KnownKey* const key =
            gatekeeper_ == nullptr || !frame ? nullptr : &gatekeeper_->key_of(*frame);
        router_->on_frame(link::bytes_of(*connection),
                          single ? link::bytes_of(*frame) : std::string_view(), now, key);
        current_ = nullptr;
        if (key != nullptr && key->is_revoked()) {
            gatekeeper_->end_connection(*frame);
        }
    }
}

void Broker::receive_subscriptions() {
    for (unsigned i = 0; i < kSubscriptionsPerTurn; ++i) {
        std::optional<zmq::message_t> message = feeds_.receive_single();
        if (!message) {
            return;
        }
        if (gatekeeper_ != nullptr) {
            take_subscription(*message);
            continue;
        }
        const std::string_view bytes = link::bytes_of(*message);
        const bool is_subscription = !bytes.empty() && (bytes[0] == 0 || bytes[0] == 1);
        // Anything else is counted as a subscription to an impossible topic.
        router_->on_subscription(is_subscription ? bytes.substr(1) : std::string_view(),
                                 is_subscription && bytes[0] == 1);
    }
}

/// With keys, ZeroMQ passes nothing on that we have not approved of.
void Broker::take_subscription(zmq::message_t& message) {
    const std::string_view bytes = link::bytes_of(message);
    if (bytes.empty() || (bytes[0] != 0 && bytes[0] != 1)) {
        router_->count(table::BrokerCounter::kSubscriptionsIgnored, 1);
        return;
    }
    const bool is_begin = bytes[0] == 1;
    const std::string_view topic = bytes.substr(1);
    const keys::KnownKey& key = gatekeeper_->key_of(message);
    // A bug of libzmq 4.3.4: what we approve of for a connection that has ended meanwhile goes to
    // memory that is freed. The connection of this message cannot end on our thread before we call
    // ZeroMQ again, so one that the system still has is good.
    if (is_begin && !link::is_connection_open(message)) {
        return;
    }
    if (is_begin && gatekeeper_->note_subscription(key, message) > kTopicsPerConnection) {
        router_->count(table::BrokerCounter::kSubscriptionsRefused, 1);
        gatekeeper_->end_connection(message);
        return;
    }
    if (router_->on_subscription(topic, is_begin, &key)) {
        feeds_.approve(topic, is_begin);
    }
}

bool Broker::send_to_peer(std::string_view connection, std::string frame) {
    auto message = replies_.message(connection, std::move(frame));
    return message && peers_.send(connection, true) == link::ZmqSocket::Sent::kOk &&
           peers_.send(std::move(*message)) == link::ZmqSocket::Sent::kOk;
}

bool Broker::is_connected(std::string_view connection, std::string probe) {
    const link::ZmqSocket::Sent found = peers_.send(connection, true);
    if (found == link::ZmqSocket::Sent::kOk) {
        return peers_.give(std::move(probe)) != link::ZmqSocket::Sent::kUnroutable;
    }
    return found != link::ZmqSocket::Sent::kUnroutable;
}

void Broker::publish(std::string_view topic, const feed::SharedFrame& frame) {
    // XPUB never refuses: it drops messages without a subscriber, and those that a subscriber has
    // no room for. Its node asks for them again.
    static_cast<void>(feeds_.send(topic, true));
    static_cast<void>(feeds_.send(link::counted_message(
        frame, [](const feed::SharedFrame& shared) { return std::string_view(*shared); },
        feed_bytes_, nullptr)));
}

void Broker::watch_connections(Time now) {
    const ConnectionWatch::News news = connections_->turn(now, queued_bytes());
    router_->on_descriptors(connections_->descriptors_used(), connections_->descriptors_max());
    router_->count(table::BrokerCounter::kConnectionsUnread, news.unread);
    router_->count(table::BrokerCounter::kConnectionsSilent, news.silent);
    router_->count(table::BrokerCounter::kConnectionsTurnedAway, news.turned_away);
    if (news.became_short) {
        router_->count(table::BrokerCounter::kDescriptorShortages, 1);
        spdlog::warn(
            "event=descriptors-short limit={} text=\"no new connection is taken; raise the "
            "limit of open files\"",
            connections_->descriptors_max());
    } else if (news.became_enough) {
        spdlog::info("event=descriptors-enough limit={}", connections_->descriptors_max());
    }
    ended_connections_ += news.unread + news.silent + news.turned_away;
    if (ended_connections_ > 0 && ended_.pass(now) > 0) {
        spdlog::warn("event=connections-ended count={} text=\"they did not read, or said nothing\"",
                     std::exchange(ended_connections_, 0));
    }
}

void Broker::watch_admin() {
    if (admin_ != nullptr) {
        const std::uint64_t count = admin_->counts().misdirected;
        router_->count(table::BrokerCounter::kAdminHostRefusals,
                       count - std::exchange(host_refusals_, count));
    }
}

std::string Broker::address_of(std::string_view /*connection*/) {
    const char* const address =
        current_ == nullptr ? nullptr : zmq_msg_gets(current_->handle(), "Peer-Address");
    return address == nullptr ? std::string("?") : std::string(address);
}

} // namespace zcomet::broker::shell

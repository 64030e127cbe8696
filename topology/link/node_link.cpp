#include "topology/link/node_link.hpp"

#include "topology/wire/endpoint.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace zcomet::link {

namespace {
/// Messages received from one socket before the caller gets a turn for its own work.
constexpr int kReceiveBudget = 64;
constexpr std::chrono::milliseconds kGoodbyeLinger{1000};
} // namespace

/// Carries what the session asks for to the sockets and the handler.
class NodeLink::Host : public session::NodeSessionHost {
  public:
    explicit Host(NodeLinkHandler& handler) : handler_(handler) {}
    void attach(NodeLink* link) { link_ = link; }

    void send_to_broker(std::string frame) override {
        // Would-block means that the broker is not connected; the session will say it again.
        refused_frame_ = link_->dealer_.send(frame) == ZmqSocket::Sent::kWouldBlock;
    }
    /// Whether the last frame found no connection, and one sent now would find one.
    [[nodiscard]] bool connected_since() const {
        return refused_frame_ && link_->dealer_.writable();
    }
    void forget_refusal() { refused_frame_ = false; }
    void connect_feed(const std::string& endpoint) override {
        if (!endpoint_.empty()) {
            link_->sub_.disconnect(endpoint_);
        }
        endpoint_ = endpoint;
        if (const Status connected = link_->sub_.connect(endpoint); !connected.ok()) {
            handler_.on_refused(wire::ErrorCode::kMalformed, connected.error().text);
        }
    }
    void deliver(const wire::MessageList& messages) override { handler_.on_messages(messages); }
    [[nodiscard]] bool can_take_messages() { return handler_.can_take_messages(); }
    void for_each_login(const std::function<void(std::string_view id)>& visit) override {
        handler_.for_each_login(visit);
    }
    std::uint64_t stream_count() override { return handler_.stream_count(); }
    wire::NodeLedger ledger() override { return handler_.ledger(); }
    void on_live(std::string_view broker_name) override { handler_.on_live(broker_name); }
    void on_lost() override { handler_.on_lost(); }
    void on_refused(wire::ErrorCode code, std::string_view text) override {
        handler_.on_refused(code, text);
    }

  private:
    NodeLinkHandler& handler_;
    NodeLink* link_ = nullptr;
    bool refused_frame_ = false;
    std::string endpoint_;
};

NodeLink::NodeLink(zmq::context_t& context, NodeLinkHandler& handler, std::string name,
                   std::uint64_t incarnation, std::string broker_host)
    : host_(std::make_unique<Host>(handler)), dealer_(context, zmq::socket_type::dealer),
      sub_(context, zmq::socket_type::sub), fds_{dealer_.fd(), sub_.fd()},
      session_(*host_, incarnation, std::move(name), std::move(broker_host)) {
    host_->attach(this);
    sub_.subscribe(wire::encode_topic(incarnation));
}

NodeLink::~NodeLink() = default;

Result<std::unique_ptr<NodeLink>> NodeLink::open(zmq::context_t& context, NodeLinkHandler& handler,
                                                 const std::string& broker, std::string name,
                                                 std::uint64_t incarnation, Time now) {
    const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker);
    if (!address.ok()) {
        return address.error();
    }
    std::unique_ptr<NodeLink> link(
        new NodeLink(context, handler, std::move(name), incarnation, address.value().host));
    if (const Status connected = link->dealer_.connect(broker); !connected.ok()) {
        return connected.error();
    }
    link->session_.start(now);
    return link;
}

bool NodeLink::turn(Time now) {
    int broker_frames = 0;
    while (broker_frames < kReceiveBudget) {
        const auto frame = dealer_.receive_single();
        if (!frame) {
            break;
        }
        session_.on_broker_frame(bytes_of(*frame), now);
        ++broker_frames;
    }
    int feed_frames = 0;
    while (feed_frames < kReceiveBudget && host_->can_take_messages() && receive_batch(now)) {
        ++feed_frames;
        session_.tick(now); // an acknowledgement that is due lets the broker go on meanwhile
    }
    if (!host_->can_take_messages() && sub_.readable()) {
        session_.on_feed_waiting(now);
    }
    // ZeroMQ says nothing of a connection that was lost or made, but wakes us.
    const bool woken_for_nothing = broker_frames == 0 && feed_frames == 0;
    if (host_->connected_since() || woken_for_nothing) {
        notice_connection(now);
    }
    session_.tick(now);
    // Sending handles ZeroMQ's internal commands, which can make a socket readable, or connected,
    // without its descriptor saying so again.
    return dealer_.readable() || sub_.readable() || host_->connected_since();
}

void NodeLink::notice_connection(Time now) {
    const bool was_connected = std::exchange(connected_, dealer_.writable());
    if (connected_ && (!was_connected || host_->connected_since())) {
        host_->forget_refusal();
        session_.on_connected(now);
    }
}

bool NodeLink::receive_batch(Time now) {
    bool more = false;
    if (!sub_.receive(more)) { // the topic
        return false;
    }
    const std::optional<zmq::message_t> frame = more ? sub_.receive(more) : std::nullopt;
    const bool has_two_frames = frame && !more;
    while (more && sub_.receive(more)) {
    }
    // A message of another form is nothing that the protocol has; the session counts it, as it does
    // every frame that is none.
    session_.on_feed_frame(has_two_frames ? bytes_of(*frame) : std::string_view(), now);
    return true;
}

void NodeLink::close(Time now) {
    session_.goodbye(now);
    dealer_.linger(kGoodbyeLinger);
}

} // namespace zcomet::link

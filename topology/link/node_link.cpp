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

NodeLink::NodeLink(zmq::context_t& context, session::NodeEvents& events, std::string name,
                   std::uint64_t incarnation, std::string broker_host)
    : events_(events), dealer_(context, zmq::socket_type::dealer),
      sub_(context, zmq::socket_type::sub), fds_{dealer_.fd(), sub_.fd()},
      session_(*this, *this, events, incarnation, std::move(name), std::move(broker_host)) {
    sub_.subscribe(wire::encode_topic(incarnation));
}

Result<std::unique_ptr<NodeLink>> NodeLink::open(zmq::context_t& context,
                                                 session::NodeEvents& events,
                                                 const std::string& broker, std::string name,
                                                 std::uint64_t incarnation, Time now) {
    const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker);
    if (!address.ok()) {
        return address.error();
    }
    std::unique_ptr<NodeLink> link(
        new NodeLink(context, events, std::move(name), incarnation, address.value().host));
    if (const Status connected = link->dealer_.connect(broker); !connected.ok()) {
        return connected.error();
    }
    link->session_.start(now);
    return link;
}

void NodeLink::send(std::string&& frame) {
    // Would-block means that the broker is not connected.
    refused_frame_ = dealer_.send(frame) == ZmqSocket::Sent::kWouldBlock;
}

Status NodeLink::connect_feed(const std::string& endpoint) {
    if (!feed_endpoint_.empty()) {
        sub_.disconnect(feed_endpoint_);
    }
    feed_endpoint_ = endpoint;
    return sub_.connect(endpoint);
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
    while (feed_frames < kReceiveBudget && events_.can_take() && receive_batch(now)) {
        ++feed_frames;
        session_.tick(now); // an acknowledgement that is due lets the broker go on meanwhile
    }
    if (!events_.can_take() && sub_.readable()) {
        session_.on_feed_waiting(now);
    }
    // ZeroMQ says nothing of a connection that was lost or made, but wakes us.
    const bool woken_for_nothing = broker_frames == 0 && feed_frames == 0;
    if (connected_since() || woken_for_nothing) {
        notice_connection(now);
    }
    session_.tick(now);
    // Sending handles ZeroMQ's internal commands, which can make a socket readable, or connected,
    // without its descriptor saying so again.
    return dealer_.readable() || sub_.readable() || connected_since();
}

void NodeLink::notice_connection(Time now) {
    const bool was_connected = std::exchange(connected_, dealer_.writable());
    if (connected_ && (!was_connected || connected_since())) {
        refused_frame_ = false;
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
    // The protocol has no message of another form; the session counts one as a bad frame.
    session_.on_feed_frame(has_two_frames ? bytes_of(*frame) : std::string_view(), now);
    return true;
}

void NodeLink::close(Time now) {
    session_.goodbye(now);
    dealer_.linger(kGoodbyeLinger);
}

} // namespace zcomet::link

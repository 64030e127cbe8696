#include "topology/link/node_link.hpp"

#include "topology/wire/endpoint.hpp"

#include <utility>

namespace zcomet::link {

NodeLink::NodeLink(LinkContext& context, session::NodeEvents& events, std::string name,
                   std::uint64_t incarnation, std::string broker_host)
    : BrokerLink(context), sub_(context, zmq::socket_type::sub), fds_{fd(), sub_.fd()},
      session_(*this, *this, events, incarnation, std::move(name), std::move(broker_host)),
      turn_(session_, *this, *this, events, watch()) {
    sub_.subscribe(wire::encode_topic(incarnation));
}

Result<std::unique_ptr<NodeLink>> NodeLink::open(LinkContext& context, session::NodeEvents& events,
                                                 const std::string& broker, std::string name,
                                                 std::uint64_t incarnation, Time now) {
    const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker);
    if (!address.ok()) {
        return address.error();
    }
    std::unique_ptr<NodeLink> link(
        new NodeLink(context, events, std::move(name), incarnation, address.value().host));
    if (const Status connected = link->connect(broker); !connected.ok()) {
        return connected.error();
    }
    link->session_.start(now);
    return link;
}

Status NodeLink::connect_feed(const std::string& endpoint) {
    if (!feed_endpoint_.empty()) {
        sub_.disconnect(feed_endpoint_);
    }
    feed_endpoint_ = endpoint;
    return sub_.connect(endpoint);
}

bool NodeLink::turn(Time now) {
    turn_.run(now);
    return has_more() || sub_.readable();
}

std::optional<std::string_view> NodeLink::receive_batch() {
    bool more = false;
    if (!sub_.receive(more)) { // the topic
        return std::nullopt;
    }
    in_hand_ = more ? sub_.receive(more) : std::nullopt;
    const bool has_two_frames = in_hand_ && !more;
    while (more && sub_.receive(more)) {
    }
    return has_two_frames ? bytes_of(*in_hand_) : std::string_view();
}

void NodeLink::close(Time now) {
    session_.goodbye(now);
    linger();
}

} // namespace zcomet::link

#include "topology/link/node_link.hpp"

#include "topology/wire/endpoint.hpp"

#include <utility>

namespace zcomet::link {

NodeLink::NodeLink(LinkContext& context, session::Node& node, std::size_t broker,
                   std::string broker_host)
    : BrokerLink(context), sub_(context, zmq::socket_type::sub), fds_{fd(), sub_.fd()},
      session_(node, broker, *this, *this, std::move(broker_host)),
      turn_(session_, *this, *this, node.events(), watch()) {
    sub_.subscribe(wire::encode_topic(node.incarnation()));
}

Result<std::unique_ptr<NodeLink>> NodeLink::open(LinkContext& context, session::Node& node,
                                                 std::size_t broker, const std::string& address,
                                                 Time now) {
    const Result<wire::HostPort> parsed = wire::parse_tcp_endpoint(address);
    if (!parsed.ok()) {
        return parsed.error();
    }
    std::unique_ptr<NodeLink> link(new NodeLink(context, node, broker, parsed.value().host));
    if (const Status connected = link->connect(address); !connected.ok()) {
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
    in_hand_.reset(); // an idle node keeps no batch
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

#include "topology/link/node_link.hpp"

#include "topology/wire/endpoint.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::link {

NodeLink::NodeLink(LinkContext& context, session::Node& node, std::size_t broker,
                   std::string broker_host, const std::vector<std::string>& feed_hosts)
    : BrokerLink(context), events_(node.events()), broker_host_(std::move(broker_host)),
      feed_hosts_(broker_host_, feed_hosts), sub_(context, zmq::socket_type::sub),
      feed_connector_(sub_), fds_{fd(), sub_.fd(), -1, -1},
      session_(node, broker, *this, *this, broker_host_),
      turn_(session_, *this, *this, node.events(), watch()) {
    sub_.subscribe(wire::encode_topic(node.incarnation()));
}

Result<std::unique_ptr<NodeLink>> NodeLink::open(LinkContext& context, session::Node& node,
                                                 std::size_t broker, const std::string& address,
                                                 const std::vector<std::string>& feed_hosts,
                                                 Time now) {
    const Result<wire::HostPort> parsed = wire::parse_tcp_endpoint(address);
    if (!parsed.ok()) {
        return parsed.error();
    }
    std::unique_ptr<NodeLink> link(
        new NodeLink(context, node, broker, parsed.value().host, feed_hosts));
    if (const Status connected = link->connect(address); !connected.ok()) {
        return connected.error();
    }
    link->session_.start(now);
    return link;
}

Status NodeLink::connect_feed(const std::string& endpoint) {
    Result<wire::HostPort> feed = wire::parse_tcp_endpoint(endpoint);
    const Result<wire::HostPort> broker = wire::parse_tcp_endpoint(connector().endpoint());
    const std::string reached = broker.ok() ? broker.value().host : std::string();
    if (feed.ok() && !feed_hosts_.has(feed.value().host, reached)) {
        return Error{"the broker says that its feed is at " + endpoint +
                     ", which is another host than the broker's; a cluster file with that host "
                     "allows it"};
    }
    if (feed.ok() && broker.ok() && feed.value().host == broker_host_) {
        // The name may have several addresses: the feed is where the broker answered.
        feed.value().host = broker.value().host;
        return feed_connector_.connect(wire::tcp_endpoint(feed.value()));
    }
    return feed_connector_.connect(endpoint);
}

bool NodeLink::turn(Time now) {
    follow_names(now);
    turn_.run(now);
    return has_more() || sub_.readable();
}

Time NodeLink::due() const {
    return std::min({session_.due(), connector().due(), feed_connector_.due()});
}

void NodeLink::follow_names(Time now) {
    if (const Status followed = follow_name(now); !followed.ok()) {
        events_.on_no_broker(followed.error().text);
    }
    if (feed_connector_.due() <= now) {
        if (const Status followed = feed_connector_.turn(session_.live(), now); !followed.ok()) {
            events_.on_no_feed(followed.error().text);
        }
    }
    fds_[2] = connector().fd();
    fds_[3] = feed_connector_.fd();
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

#include "topology/link/sender_link.hpp"

#include "topology/wire/endpoint.hpp"

#include <utility>

namespace zcomet::link {

namespace {
constexpr std::chrono::milliseconds kGoodbyeLinger{1000};
} // namespace

SenderLink::SenderLink(zmq::context_t& context, session::SenderEvents& events, std::string name,
                       std::uint64_t incarnation)
    : dealer_(context, zmq::socket_type::dealer), fds_{dealer_.fd()},
      session_(*this, events, incarnation, std::move(name)) {}

Result<std::unique_ptr<SenderLink>> SenderLink::open(zmq::context_t& context,
                                                     session::SenderEvents& events,
                                                     const std::string& broker, std::string name,
                                                     std::uint64_t incarnation, Time now) {
    if (const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker); !address.ok()) {
        return address.error();
    }
    std::unique_ptr<SenderLink> link(new SenderLink(context, events, std::move(name), incarnation));
    if (const Status connected = link->dealer_.connect(broker); !connected.ok()) {
        return connected.error();
    }
    link->session_.start(now);
    return link;
}

void SenderLink::send(std::string&& frame) {
    // Would-block means that the broker is not connected; the session will say HELLO again, and
    // counts what was under way as unconfirmed.
    refused_frame_ = dealer_.send(frame) == ZmqSocket::Sent::kWouldBlock;
}

bool SenderLink::turn(Time now) {
    while (const auto frame = dealer_.receive_single()) {
        session_.on_broker_frame(bytes_of(*frame), now);
    }
    if (connected_since()) {
        refused_frame_ = false;
        session_.on_connected(now);
    }
    session_.tick(now);
    // Sending may have taken in ZeroMQ's internal commands, after which the descriptor stays silent
    // about frames that wait, or about a connection.
    return dealer_.readable() || connected_since();
}

void SenderLink::close(Time now) {
    session_.goodbye(now);
    dealer_.linger(kGoodbyeLinger);
}

} // namespace zcomet::link

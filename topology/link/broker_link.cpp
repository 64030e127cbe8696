#include "topology/link/broker_link.hpp"

#include <utility>

namespace zcomet::link {

namespace {
constexpr std::chrono::milliseconds kGoodbyeLinger{1000};
} // namespace

BrokerLink::BrokerLink(LinkContext& context)
    : dealer_(context, zmq::socket_type::dealer), connector_(dealer_) {}

Status BrokerLink::follow_name(Time now) {
    return connector_.due() <= now ? connector_.turn(connected(), now) : Status(Done{});
}

void BrokerLink::send(std::string&& frame) {
    // Would-block means that the broker is not connected. The session says HELLO again, and repeats
    // or counts what was lost.
    if (dealer_.give(std::move(frame)) == ZmqSocket::Sent::kWouldBlock) {
        watch_.refused();
    } else {
        watch_.took();
    }
}

std::optional<std::string_view> BrokerLink::receive() {
    in_hand_ = dealer_.receive_single();
    return in_hand_ ? std::optional(bytes_of(*in_hand_)) : std::nullopt;
}

bool BrokerLink::has_more() {
    return dealer_.readable() || (watch_.awaits_connection() && connected());
}

void BrokerLink::linger() {
    dealer_.linger(kGoodbyeLinger);
}

} // namespace zcomet::link

#include "topology/link/broker_link.hpp"

#include <utility>

namespace zcomet::link {

namespace {
constexpr std::chrono::milliseconds kGoodbyeLinger{1000};
/// @limit pause before a link looks whether its handshake has failed
constexpr Duration kLookInterval = 250ms;
/// Somebody has to change something first.
/// @limit pause before a link tries again whose handshake has failed
constexpr Duration kAfterFailure = 2s;
} // namespace

BrokerLink::BrokerLink(LinkContext& context)
    : dealer_(context, zmq::socket_type::dealer), mode_(context.security().mode()),
      handshakes_(context, dealer_), connector_(dealer_) {}

Status BrokerLink::follow_name(Time now) {
    if (next_look_ <= now) {
        next_look_ = now + kLookInterval;
        if (const auto failure = handshakes_.next()) {
            while (handshakes_.next()) { // they are all alike
            }
            // One that is broken off may be that of a broker that is restarted; the next one tells.
            const bool is_told =
                *failure != HandshakeWatch::Failure::kBrokenOff || again_at_ != kNever;
            again_at_ = now + kAfterFailure;
            if (is_told) {
                return Error{why_no_handshake(*failure, mode_, connector_.endpoint())};
            }
        }
    }
    if (again_at_ <= now) {
        again_at_ = kNever;
        if (!connected()) {
            return connector_.connect_again();
        }
    }
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

#include "broker/shell/handshakes.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace zcomet::broker::shell {

namespace {

/// @limit failed handshakes that a broker hears of in a turn
constexpr unsigned kFailuresPerTurn = 256;

} // namespace

Handshakes::Handshakes(link::LinkContext& context, link::ZmqSocket& peers, link::ZmqSocket& feeds,
                       std::function<void()> on_failure)
    : has_keys_(context.security().mode() == link::Security::Mode::kCurve),
      watches_{{{context, peers}, {context, feeds}}}, fds_{watches_[0].fd(), watches_[1].fd()},
      on_failure_(std::move(on_failure)) {}

bool Handshakes::turn(Time now) {
    using Failure = link::HandshakeWatch::Failure;
    unsigned heard = 0;
    for (std::size_t i = 0; i < watches_.size(); ++i) {
        for (std::optional<Failure> failure;
             heard < kFailuresPerTurn && (failure = watches_[i].next()); ++heard) {
            // One side closes the connection, and the other one may only see that. Without keys a
            // connection that ends is rather one that looks whether somebody listens.
            if (*failure == Failure::kKeyRefused ||
                (*failure == Failure::kBrokenOff && !has_keys_)) {
                continue;
            }
            on_failure_();
            if (const auto times = failed_.pass(now); times > 0) {
                spdlog::warn("event=handshake-failed socket={} times={} text=\"{}\"",
                             i == 0 ? "listen" : "feed", times,
                             has_keys_
                                 ? "it has no key, has one for another broker, or said nothing"
                                 : "it has a key, and this broker none; or it is no peer");
            }
        }
    }
    return heard == kFailuresPerTurn;
}

} // namespace zcomet::broker::shell

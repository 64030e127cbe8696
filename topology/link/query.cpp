#include "topology/link/query.hpp"

#include "topology/link/zmq_socket.hpp"
#include "topology/wire/endpoint.hpp"
#include "topology/wire/frames.hpp"

#include <poll.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace zcomet::link {

namespace {

/// How long to wait before trying to send again: while the connection is being made there is nobody
/// to ask.
constexpr Duration kAskAgain = 5ms;

void sleep_until_readable(ZmqSocket& socket, Time until) {
    const Duration left = std::max(until - Clock::now(), Duration::zero());
    pollfd waiting{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left);
    static_cast<void>(::poll(&waiting, 1, static_cast<int>(ms.count())));
}

/// Sends `question` as soon as the broker is connected and waits for a frame that `accept` takes.
/// @return how long that took from sending to receiving.
Result<Duration> ask(zmq::context_t& context, const std::string& broker,
                     const std::string& question, Duration timeout,
                     const std::function<bool(const wire::Frame&)>& accept) {
    if (const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker); !address.ok()) {
        return address.error();
    }
    ZmqSocket dealer(context, zmq::socket_type::dealer);
    if (const Status connected = dealer.connect(broker); !connected.ok()) {
        return connected.error();
    }
    const Time deadline = Clock::now() + timeout;
    std::optional<Time> asked_at;
    for (Time now = Clock::now(); now < deadline; now = Clock::now()) {
        if (!asked_at && dealer.send(question) == ZmqSocket::Sent::kOk) {
            asked_at = now;
        }
        while (const auto bytes = dealer.receive_single()) {
            const auto decoded = wire::decode(bytes_of(*bytes));
            const auto* frame = std::get_if<wire::Frame>(&decoded);
            if (frame == nullptr) {
                return Error{"what answers at " + broker + " does not speak this protocol: " +
                             std::get<wire::Refusal>(decoded).text};
            }
            if (const auto* error = std::get_if<wire::ErrorFrame>(frame)) {
                return Error{"the broker at " + broker + " refused: " + std::string(error->text)};
            }
            if (accept(*frame)) {
                return Clock::now() - *asked_at;
            }
        }
        sleep_until_readable(dealer, asked_at ? deadline : std::min(deadline, now + kAskAgain));
    }
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
    return Error{"no broker answers at " + broker + " within " + std::to_string(ms.count()) +
                 " ms; is zcomet-broker running there?"};
}

} // namespace

Result<Duration> ping_broker(zmq::context_t& context, const std::string& broker, Duration timeout) {
    const std::uint64_t token = random_u64();
    return ask(context, broker, wire::encode(wire::Ping{token}), timeout,
               [&](const wire::Frame& frame) {
                   const auto* pong = std::get_if<wire::Pong>(&frame);
                   return pong != nullptr && pong->token == token;
               });
}

Result<std::string> query_broker(zmq::context_t& context, const std::string& broker,
                                 std::string_view what, std::string_view argument,
                                 Duration timeout) {
    if (what.size() > 255 || argument.size() > 255) {
        return Error{"a query's words have at most 255 bytes"};
    }
    const std::uint64_t token = random_u64();
    std::string json;
    const Result<Duration> asked =
        ask(context, broker, wire::encode(wire::Query{token, what, argument}), timeout,
            [&](const wire::Frame& frame) {
                const auto* answer = std::get_if<wire::Answer>(&frame);
                if (answer == nullptr || answer->token != token) {
                    return false;
                }
                json = answer->json;
                return true;
            });
    return asked.ok() ? Result<std::string>(std::move(json)) : asked.error();
}

} // namespace zcomet::link

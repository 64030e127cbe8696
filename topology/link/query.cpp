#include "topology/link/query.hpp"

#include "topology/base/random.hpp"
#include "topology/link/connect_probe.hpp"
#include "topology/link/handshake_watch.hpp"
#include "topology/link/host_connector.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/loop.hpp"
#include "topology/wire/endpoint.hpp"
#include "topology/wire/frames.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace zcomet::link {

namespace {

/// How long to wait before trying to send again while the connection is being made.
/// @limit pause before a question that was refused is asked again
constexpr Duration kAskAgain = 5ms;
/// How long to wait before a broker that has too many questions is asked again.
/// @limit pause before a broker that has too many questions is asked again
constexpr Duration kAskBusyAgain = 100ms;
/// How long a connection may take before a probe looks whether it is refused. A probe is a
/// connection that says nothing, of which a broker with keys takes note.
/// @limit time to connect after which a question looks whether nothing listens
constexpr Duration kProbeAfter = 50ms;

/// The DEALER of one question, which sends it as soon as the broker is connected.
class Question : public loop::Source {
  public:
    using Accept = std::function<bool(const wire::Frame&)>;

    Question(LinkContext& context, const std::string& broker, const std::string& frame,
             const Accept& accept)
        : dealer_(context, zmq::socket_type::dealer), mode_(context.security().mode()),
          handshakes_(context, dealer_),
          connector_(dealer_), fds_{dealer_.fd(), -1, handshakes_.fd()}, broker_(broker),
          frame_(frame), accept_(accept) {}

    [[nodiscard]] Status connect() { return connector_.connect(broker_); }
    /// The answer "nothing listens there" ends the question, too.
    void fail_if_refused() { fails_if_refused_ = true; }
    /// The time from sending to receiving, or an error; nothing yet while the answer is awaited.
    [[nodiscard]] const std::optional<Result<Duration>>& outcome() const { return outcome_; }
    /// Why the broker did not answer when it was asked last; empty if it said nothing.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }
    /// Why the last connection broke off; empty if none did.
    [[nodiscard]] const std::string& broken_off() const { return broken_off_; }

    std::span<const int> fds() const override { return fds_; }
    std::uint32_t fds_version() const override { return connector_.fds_version(); }
    Time due() const override { return std::min(ask_at_, connector_.due()); }
    bool turn(Time now) override {
        if (connector_.due() <= now) {
            if (const Status followed = connector_.turn(dealer_.writable(), now); !followed.ok()) {
                outcome_ = followed.error();
            }
        }
        fds_[1] = connector_.fd();
        look_at_handshakes();
        if (!asked_at_ && ask_at_ <= now) {
            const bool sent = dealer_.send(frame_) == ZmqSocket::Sent::kOk;
            asked_at_ = sent ? std::optional(now) : std::nullopt;
            ask_at_ = sent ? kNever : now + kAskAgain;
            first_try_ = std::min(first_try_, now);
            if (!sent && fails_if_refused_ && now >= first_try_ + kProbeAfter) {
                look_for_refusal(now);
            }
        }
        while (const auto bytes = outcome_ ? std::nullopt : dealer_.receive_single()) {
            on_answer(bytes_of(*bytes), now);
        }
        return dealer_.readable();
    }

  private:
    /// A connection that broke off may be a broker that is restarted.
    void look_at_handshakes() {
        while (const auto failure = handshakes_.next()) {
            std::string why = why_no_handshake(*failure, mode_, broker_);
            if (*failure == HandshakeWatch::Failure::kBrokenOff) {
                broken_off_ = std::move(why);
            } else {
                outcome_ = Error{std::move(why)};
            }
        }
    }
    /// Each address of the broker's host has to refuse, or to have no way there. That the host
    /// itself refuses says more.
    void look_for_refusal(Time now) {
        if (probed_ != connector_.endpoint()) {
            probed_ = connector_.endpoint();
            probe_.emplace(wire::parse_tcp_endpoint(probed_).value());
        }
        const std::optional<int> failure = probe_ ? probe_->refusal() : std::nullopt;
        if (!failure) {
            return;
        }
        failure_ = failure_ == ECONNREFUSED ? failure_ : *failure;
        if (!connector_.skip_address(now)) {
            const std::string reason = std::generic_category().message(failure_);
            outcome_ =
                Error{failure_ == ECONNREFUSED ? "no broker listens at " + broker_ + " (" + reason +
                                                     "); is zcomet-broker running there?"
                                               : "there is no way to " + broker_ + ": " + reason};
        }
    }
    void on_answer(std::string_view bytes, Time now) {
        const auto decoded = wire::decode(bytes);
        const auto* frame = std::get_if<wire::Frame>(&decoded);
        if (frame == nullptr) {
            outcome_ = Error{"what answers at " + broker_ + " does not speak this protocol: " +
                             std::get<wire::Refusal>(decoded).text};
        } else if (const auto* error = std::get_if<wire::ErrorFrame>(frame);
                   error != nullptr && error->code == wire::ErrorCode::kOverloaded) {
            refusal_ = error->text;
            asked_at_.reset();
            ask_at_ = now + kAskBusyAgain;
        } else if (error != nullptr) {
            outcome_ = Error{"the broker at " + broker_ + " refused: " + std::string(error->text)};
        } else if (asked_at_ && accept_(*frame)) {
            outcome_ = Clock::now() - *asked_at_;
        }
    }

    ZmqSocket dealer_;
    Security::Mode mode_;
    HandshakeWatch handshakes_;
    HostConnector connector_;
    int failure_ = 0; // errno of the address that says most
    /// The DEALER's, that of a look-up of the broker's name, and that of failed handshakes.
    std::array<int, 3> fds_;
    const std::string& broker_;
    const std::string& frame_;
    const Accept& accept_;
    Time ask_at_ = loop::kAtOnce;
    Time first_try_ = kNever; // to send
    std::optional<Time> asked_at_;
    std::optional<Result<Duration>> outcome_;
    bool fails_if_refused_ = false;
    std::string probed_; // the endpoint of probe_
    std::optional<ConnectProbe> probe_;
    std::string refusal_;    // why the broker has no answer yet
    std::string broken_off_; // why there was no connection last
};

/// Sends `question` as soon as the broker is connected and waits for a frame that `accept` takes.
/// @return how long that took from sending to receiving.
Result<Duration> ask(LinkContext& context, const std::string& broker, const std::string& question,
                     Duration timeout, IfRefused if_refused, const Question::Accept& accept) {
    const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker);
    if (!address.ok()) {
        return address.error();
    }
    Question asked(context, broker, question, accept);
    if (const Status connected = asked.connect(); !connected.ok()) {
        return connected.error();
    }
    if (if_refused == IfRefused::kFail) {
        asked.fail_if_refused();
    }
    loop::Loop loop;
    loop.add(asked, loop::Order::kBroker);
    const Time deadline = loop::time_after(Clock::now(), timeout);
    if (loop.run_until([&] { return asked.outcome().has_value(); }, deadline)) {
        return *asked.outcome();
    }
    if (!asked.refusal().empty()) {
        return Error{"the broker at " + broker + " refused: " + asked.refusal()};
    }
    if (!asked.broken_off().empty()) {
        return Error{asked.broken_off()};
    }
    return Error{"no broker answers at " + broker + " within " + std::to_string(in_ms(timeout)) +
                 " ms; is zcomet-broker running there?"};
}

} // namespace

Result<Duration> ping_broker(LinkContext& context, const std::string& broker, Duration timeout,
                             IfRefused if_refused) {
    const std::uint64_t token = random_u64();
    return ask(context, broker, wire::encode(wire::Ping{token}), timeout, if_refused,
               [&](const wire::Frame& frame) {
                   const auto* pong = std::get_if<wire::Pong>(&frame);
                   return pong != nullptr && pong->token == token;
               });
}

Result<std::string> query_broker(LinkContext& context, const std::string& broker,
                                 std::string_view what, std::string_view argument, Duration timeout,
                                 IfRefused if_refused) {
    if (what.size() > 255 || argument.size() > 255) {
        return Error{"a query's words have at most 255 bytes"};
    }
    const std::uint64_t token = random_u64();
    std::string json;
    const Result<Duration> asked =
        ask(context, broker, wire::encode(wire::Query{token, what, argument}), timeout, if_refused,
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

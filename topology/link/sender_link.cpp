#include "topology/link/sender_link.hpp"

#include "topology/wire/endpoint.hpp"

#include <utility>

namespace zcomet::link {

namespace {
constexpr std::chrono::milliseconds kGoodbyeLinger{1000};
} // namespace

/// Carries what the session asks for to the socket and the handlers.
class SenderLink::Host : public session::SenderSessionHost {
  public:
    explicit Host(SenderHandlers handlers) : handlers_(std::move(handlers)) {}
    void attach(SenderLink* link) { link_ = link; }

    void send_to_broker(std::string frame) override {
        // Would-block means that the broker is not connected; the session will say HELLO again, and
        // counts what was under way as unconfirmed.
        refused_frame_ = link_->dealer_.send(frame) == ZmqSocket::Sent::kWouldBlock;
    }
    /// Whether the last frame found no connection, and one sent now would find one.
    [[nodiscard]] bool connected_since() const {
        return refused_frame_ && link_->dealer_.writable();
    }
    void forget_refusal() { refused_frame_ = false; }
    void on_receipt(std::uint64_t number, std::uint32_t nodes) override {
        if (handlers_.on_receipt) {
            handlers_.on_receipt(number, nodes);
        }
    }
    void on_acknowledged(std::uint64_t number, std::uint32_t nodes) override {
        if (handlers_.on_acknowledged) {
            handlers_.on_acknowledged(number, nodes);
        }
    }
    void on_welcome(std::string_view broker_name) override {
        if (handlers_.on_welcome) {
            handlers_.on_welcome(broker_name);
        }
    }
    void on_lost() override {
        if (handlers_.on_lost) {
            handlers_.on_lost();
        }
    }
    void on_refused(wire::ErrorCode code, std::string_view text) override {
        if (handlers_.on_refused) {
            handlers_.on_refused(code, text);
        }
    }

  private:
    SenderHandlers handlers_;
    SenderLink* link_ = nullptr;
    bool refused_frame_ = false;
};

SenderLink::SenderLink(zmq::context_t& context, SenderHandlers handlers, std::string name,
                       std::uint64_t incarnation)
    : host_(std::make_unique<Host>(std::move(handlers))),
      dealer_(context, zmq::socket_type::dealer), fds_{dealer_.fd()},
      session_(*host_, incarnation, std::move(name)) {
    host_->attach(this);
}

SenderLink::~SenderLink() = default;

Result<std::unique_ptr<SenderLink>> SenderLink::open(zmq::context_t& context,
                                                     SenderHandlers handlers,
                                                     const std::string& broker, std::string name,
                                                     std::uint64_t incarnation, Time now) {
    if (const Result<wire::HostPort> address = wire::parse_tcp_endpoint(broker); !address.ok()) {
        return address.error();
    }
    std::unique_ptr<SenderLink> link(
        new SenderLink(context, std::move(handlers), std::move(name), incarnation));
    if (const Status connected = link->dealer_.connect(broker); !connected.ok()) {
        return connected.error();
    }
    link->session_.start(now);
    return link;
}

bool SenderLink::turn(Time now) {
    while (const auto frame = dealer_.receive_single()) {
        session_.on_broker_frame(bytes_of(*frame), now);
    }
    if (host_->connected_since()) {
        host_->forget_refusal();
        session_.on_connected(now);
    }
    session_.tick(now);
    // Sending may have taken in ZeroMQ's internal commands, after which the descriptor stays silent
    // about frames that wait, or about a connection.
    return dealer_.readable() || host_->connected_since();
}

void SenderLink::close(Time now) {
    session_.goodbye(now);
    dealer_.linger(kGoodbyeLinger);
}

} // namespace zcomet::link

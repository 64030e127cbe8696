#include "topology/link/handshake_watch.hpp"

#include "topology/base/check.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

namespace zcomet::link {

namespace {

constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

/// An address of its own for each watch.
std::string next_address() {
    static std::atomic<std::uint64_t> number{0};
    return "inproc://zcomet.handshakes." + std::to_string(++number);
}

/// Receives a frame; false: none waits.
bool receive(zmq::socket_t& socket, zmq::message_t& frame) {
    while (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() != EINTR) {
            ZCOMET_ASSERT(zmq_errno() == EAGAIN || zmq_errno() == ETERM);
            return false;
        }
    }
    return true;
}

} // namespace

HandshakeWatch::HandshakeWatch(LinkContext& context, ZmqSocket& socket)
    : socket_(socket), events_(context.zmq(), zmq::socket_type::pair),
      fd_(events_.get(zmq::sockopt::fd)) {
    const std::string address = next_address();
    events_.set(zmq::sockopt::linger, 0);
    // With a bound, ZeroMQ's thread would wait for us at the bound.
    events_.set(zmq::sockopt::rcvhwm, 0);
    if (zmq_socket_monitor(socket_.raw().handle(), address.c_str(), kEvents) != 0) {
        throw zmq::error_t();
    }
    events_.connect(address);
}

HandshakeWatch::~HandshakeWatch() {
    // First: with nobody at the other end, ZeroMQ's thread would wait for somebody for ever.
    static_cast<void>(zmq_socket_monitor(socket_.raw().handle(), nullptr, 0));
}

std::optional<HandshakeWatch::Failure> HandshakeWatch::next() {
    zmq::message_t
        event; // 16 bits with its kind, 32 bits with its value; then a frame with an address
    if (!receive(events_, event)) {
        return std::nullopt;
    }
    for (zmq::message_t more; events_.get(zmq::sockopt::rcvmore);) {
        if (!receive(events_, more)) {
            break;
        }
    }
    std::uint16_t kind = 0;
    ZCOMET_ASSERT(event.size() >= sizeof kind);
    std::memcpy(&kind, event.data(), sizeof kind);
    switch (kind) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return Failure::kKeyRefused;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return Failure::kNoKey;
    default:
        return Failure::kBrokenOff;
    }
}

std::string why_no_handshake(HandshakeWatch::Failure failure, Security::Mode own,
                             const std::string& broker) {
    const bool has_key = own == Security::Mode::kCurve;
    switch (failure) {
    case HandshakeWatch::Failure::kKeyRefused:
        return "the broker at " + broker + " does not allow this key";
    case HandshakeWatch::Failure::kNoKey:
        return has_key ? "what answers at " + broker +
                             " takes no keys: it is a broker without --keys, or none at all"
                       : "the broker at " + broker +
                             " wants a key: give one by --key or ZCOMET_KEY; zcomet-ctl keys new "
                             "makes it";
    case HandshakeWatch::Failure::kBrokenOff:
        break;
    }
    return "the broker at " + broker + " broke the handshake off; perhaps it " +
           (has_key ? "takes no keys, or has another key than the one that our key file names"
                    : "wants a key: give one by --key or ZCOMET_KEY");
}

} // namespace zcomet::link

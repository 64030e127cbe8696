#include "topology/link/zap_server.hpp"

#include "topology/base/check.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

namespace zcomet::link {

namespace {

/// Where ZeroMQ looks for who answers.
constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
/// A handshake costs a broker some 60 µs here, and ZeroMQ's thread more than a millisecond.
/// @limit handshakes that a broker decides on in a turn
constexpr unsigned kAnswersPerTurn = 16;
/// More frames than a request has.
constexpr std::size_t kFramesMax = 16;

/// One message, in frames; empty: none waits.
std::vector<std::string> receive_frames(zmq::socket_t& socket) {
    std::vector<std::string> frames;
    for (bool more = true; more;) {
        zmq::message_t frame;
        while (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
            if (zmq_errno() != EINTR) {
                ZCOMET_ASSERT(zmq_errno() == EAGAIN || zmq_errno() == ETERM);
                return {};
            }
        }
        more = frame.more();
        if (frames.size() < kFramesMax) {
            frames.emplace_back(static_cast<const char*>(frame.data()), frame.size());
        }
    }
    return frames;
}

/// An asker that is gone meanwhile gets nothing.
void send_frames(zmq::socket_t& socket, const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const int flags = ZMQ_DONTWAIT | (i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
        while (zmq_send(socket.handle(), frames[i].data(), frames[i].size(), flags) < 0) {
            if (zmq_errno() != EINTR) {
                return;
            }
        }
    }
}

/// As ZeroMQ writes it.
std::string address_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    auto* const generic = reinterpret_cast<sockaddr*>(&address); // NOLINT(*-cast)
    const bool is_known =
        ::getpeername(fd, generic, &size) == 0 &&
        ::getnameinfo(generic, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) == 0;
    return is_known ? host.data() : "";
}

} // namespace

ZapServer::ZapServer(LinkContext& context, Judge judge)
    : socket_(context.zmq(), zmq::socket_type::router),
      judge_(std::move(judge)), fds_{socket_.get(zmq::sockopt::fd)} {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.bind(kEndpoint);
}

bool ZapServer::turn(Time /*now*/) {
    for (unsigned i = 0; i < kAnswersPerTurn; ++i) {
        if (!answer_one()) {
            return false;
        }
    }
    return true;
}

bool ZapServer::answer_one() {
    const std::vector<std::string> frames = receive_frames(socket_);
    if (frames.empty()) {
        return false;
    }
    const auto request = read_zap_request(std::span(frames).subspan(1));
    if (request) { // one of another kind gets none, and its connection ends after a while
        std::vector<std::string> answer = zap_answer(*request, judge_(*request));
        answer.insert(answer.begin(), frames.front());
        send_frames(socket_, answer);
    }
    return true;
}

const char* user_of(zmq::message_t& message) {
    return zmq_msg_gets(message.handle(), "User-Id");
}

int descriptor_of(zmq::message_t& message) {
    return zmq_msg_get(message.handle(), ZMQ_SRCFD);
}

bool is_connection_open(zmq::message_t& message) {
    const int fd = descriptor_of(message);
    const char* const address = zmq_msg_gets(message.handle(), "Peer-Address");
    char byte = 0;
    if (fd < 0 || address == nullptr) {
        return false;
    }
    const ssize_t waiting = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool is_open = waiting > 0 || (waiting < 0 && errno == EAGAIN);
    return is_open && address_of(fd) == address;
}

} // namespace zcomet::link

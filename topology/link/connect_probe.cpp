#include "topology/link/connect_probe.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>

namespace zcomet::link {

namespace {

bool is_refusal(int failure) {
    return failure == ECONNREFUSED || failure == ENETUNREACH || failure == EHOSTUNREACH;
}

} // namespace

ConnectProbe::ConnectProbe(const wire::HostPort& where) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV; // so it does not ask a name service
    addrinfo* found = nullptr;
    if (::getaddrinfo(where.host.c_str(), std::to_string(where.port).c_str(), &hints, &found) !=
        0) {
        return;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    socket_.reset(::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket_.valid() && ::connect(socket_.get(), found->ai_addr, found->ai_addrlen) != 0 &&
        errno != EINPROGRESS) {
        failure_ = errno;
    }
}

std::optional<int> ConnectProbe::refusal() {
    pollfd waiting{socket_.get(), POLLOUT, 0};
    if (!failure_ && socket_.valid() && ::poll(&waiting, 1, 0) == 1) {
        int failure = 0;
        socklen_t size = sizeof failure;
        ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
        failure_ = failure;
    }
    return failure_ && is_refusal(*failure_) ? failure_ : std::nullopt;
}

} // namespace zcomet::link

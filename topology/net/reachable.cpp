#include "topology/net/reachable.hpp"

#include "topology/base/check.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace zcomet::net {

ConnectionAttempt::ConnectionAttempt(const SocketAddress& address)
    : socket_(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (!socket_.valid()) {
        result_ = errno;
    } else if (::connect(socket_.get(), address.get(), address.size) == 0) {
        result_ = 0;
    } else if (errno != EINPROGRESS) {
        result_ = errno;
    }
}

std::optional<int> ConnectionAttempt::result(Duration patience) {
    pollfd event{socket_.get(), POLLOUT, 0};
    if (!result_ && ::poll(&event, 1, static_cast<int>(in_ms(patience))) == 1) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        result_ = error;
    }
    return result_;
}

const SocketAddress& first_reachable(const std::vector<SocketAddress>& addresses,
                                     Duration patience) {
    ZCOMET_ASSERT(!addresses.empty());
    if (addresses.size() == 1) {
        return addresses.front();
    }
    const auto found =
        std::find_if(addresses.begin(), addresses.end(), [patience](const SocketAddress& address) {
            return ConnectionAttempt(address).result(patience) == 0;
        });
    return found == addresses.end() ? addresses.front() : *found;
}

} // namespace zcomet::net

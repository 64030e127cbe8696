#include "topology/net/reachable.hpp"

#include "topology/base/check.hpp"
#include "topology/base/unique_fd.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace zcomet::net {

namespace {

bool answers(const SocketAddress& address, Duration patience) {
    const UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.valid()) {
        return false;
    }
    if (::connect(fd.get(), address.get(), address.size) == 0) {
        return true;
    }
    pollfd event{fd.get(), POLLOUT, 0};
    int error = errno;
    if (error == EINPROGRESS && ::poll(&event, 1, static_cast<int>(in_ms(patience))) == 1) {
        socklen_t size = sizeof error;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    return error == 0;
}

} // namespace

const SocketAddress& first_reachable(const std::vector<SocketAddress>& addresses,
                                     Duration patience) {
    ZCOMET_ASSERT(!addresses.empty());
    if (addresses.size() == 1) {
        return addresses.front();
    }
    const auto found =
        std::find_if(addresses.begin(), addresses.end(), [patience](const SocketAddress& address) {
            return answers(address, patience);
        });
    return found == addresses.end() ? addresses.front() : *found;
}

} // namespace zcomet::net

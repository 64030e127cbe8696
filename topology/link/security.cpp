#include "topology/link/security.hpp"

#include "topology/base/check.hpp"

namespace zcomet::link {

void Security::apply(zmq::socket_t& socket, End /*end*/) const {
    switch (mode_) {
    case Mode::kPlain:
        // Both ends are alike, and ZeroMQ's sockets begin so.
        ZCOMET_ASSERT(socket.get(zmq::sockopt::mechanism) == ZMQ_NULL);
        return;
    }
}

} // namespace zcomet::link

#include "topology/link/security.hpp"

#include "topology/base/check.hpp"

namespace zcomet::link {

void Security::apply(zmq::socket_t& socket, End /*end*/) const {
    switch (mode_) {
    case Mode::kPlain:
        // Nothing to set, at either end: a new socket of ZeroMQ is plain.
        ZCOMET_ASSERT(socket.get(zmq::sockopt::mechanism) == ZMQ_NULL);
        return;
    }
}

} // namespace zcomet::link

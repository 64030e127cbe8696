#include "topology/session/connection_watch.hpp"

#include <utility>

namespace zcomet::session {

bool ConnectionWatch::look(Wires& wires) {
    return looked(wires.connected());
}

bool ConnectionWatch::look_after_refusal(Wires& wires) {
    return awaits_connection_ && wires.connected() && looked(true);
}

bool ConnectionWatch::looked(bool connected) {
    const bool was_connected = std::exchange(connected_, connected);
    if (!connected || (was_connected && !awaits_connection_)) {
        return false;
    }
    awaits_connection_ = false;
    return true;
}

} // namespace zcomet::session

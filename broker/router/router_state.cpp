#include "broker/router/router_state.hpp"

#include <utility>

namespace zcomet::broker::router {

void RouterState::reply(std::string_view connection, std::string frame) {
    if (!host.send_to_peer(connection, std::move(frame))) {
        count(table::BrokerCounter::kRepliesUnroutable);
    }
}

void RouterState::report(RouterEvent::Kind kind, const table::Peer& peer, std::uint64_t count) {
    host.on_event({.kind = kind,
                   .name = peer.name,
                   .incarnation = peer.incarnation,
                   .role = peer.role(),
                   .address = peer.address,
                   .count = count});
}

} // namespace zcomet::broker::router

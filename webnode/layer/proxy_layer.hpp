// Connections of proxies: the PROXY header in front of all other bytes of one, and the place of the
// client for whom it is.
#pragma once

#include "topology/base/time.hpp"
#include "topology/net/ip_address.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/layer/taken.hpp"
#include "webnode/layer/unfinished.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::webnode::layer {

/// Gives a connection the place of a client: port::Listener::place_client().
/// @return false if there is none for it.
using Place = std::function<bool(connection::Connection& connection,
                                 const std::optional<net::IpAddress>& client, Time now)>;

/// Thread: the worker's loop only.
class ProxyLayer {
  public:
    /// @param kept  the beginnings of headers; shared with other layers. Lives longer than this.
    ProxyLayer(connection::Connections& connections,
               metrics::Counters<slot::WorkerCounter>& counters, StreamInputs& kept)
        : table_(connections.table()), counters_(counters), kept_(kept) {}

    /// From now on connections may be those of proxies. `clients` live longer than this.
    void use(connection::Clients& clients, Place place);

    /// Whether the header of the connection is still to come.
    [[nodiscard]] bool is_on(connection::Handle handle) const {
        return clients_ != nullptr && clients_->awaits_header(table_.at(handle.index).fd());
    }
    /// @return what stands after the header.
    [[nodiscard]] Taken take(connection::Handle handle, std::string_view bytes, Time now);

    /// Finds out for which client a request is.
    /// @param request  its head.
    /// @return whether there is a place for it.
    [[nodiscard]] bool place(connection::Handle handle, std::string_view request, Time now) {
        return clients_ == nullptr || !clients_->is_of_proxy(table_.at(handle.index).fd()) ||
               place_named(handle, request, now);
    }

    [[nodiscard]] std::size_t memory_of(connection::Handle /*handle*/) const { return 0; }
    void give_up(connection::Handle /*handle*/) {}
    void forget(connection::Handle handle);

  private:
    [[nodiscard]] bool place_named(connection::Handle handle, std::string_view request, Time now);

    connection::ConnectionTable& table_;
    metrics::Counters<slot::WorkerCounter>& counters_;
    StreamInputs& kept_;
    connection::Clients* clients_ = nullptr; // nullptr: there are no proxies
    Place place_;
    std::string joined_; // what came in pieces; between two calls it has no meaning
};

} // namespace zcomet::webnode::layer

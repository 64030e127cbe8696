// TLS of a port's connections: from records to the text in them. Connections answers the protocol,
// and encrypts what is written.
#pragma once

#include "topology/base/time.hpp"
#include "topology/tls/handshake.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/layer/taken.hpp"
#include "webnode/layer/unfinished.hpp"

#include <cstddef>
#include <string_view>

namespace zcomet::webnode::layer {

/// Thread: the worker's loop only.
class TlsLayer {
  public:
    /// @param kept  the beginnings of records; shared with other layers.
    /// @param sum   counts the memory of handshakes. All live longer than this.
    TlsLayer(connection::Connections& connections, StreamInputs& kept, UnfinishedBytes& sum)
        : connections_(connections), kept_(kept), sum_(sum) {}

    /// Whether the port speaks TLS.
    [[nodiscard]] bool is_on(connection::Handle /*handle*/) const {
        return connections_.is_secured();
    }
    /// @return the text of the whole records. A client that does not speak TLS is told so.
    [[nodiscard]] Taken take(connection::Handle handle, std::string_view bytes, Time now);

    /// Memory of the connection's handshake.
    [[nodiscard]] std::size_t memory_of(connection::Handle handle) const {
        const bool has_one =
            connections_.is_secured() && connections_.secured().is_shaking_hands(handle.index);
        return has_one ? tls::Handshake::kBytes : 0;
    }
    void give_up(connection::Handle handle);
    void forget(connection::Handle handle);

  private:
    [[nodiscard]] Taken refuse_plain(connection::Handle handle, std::string_view bytes);
    void count_handshakes() { sum_.set_beside(connections_.secured().handshake_bytes()); }

    connection::Connections& connections_;
    StreamInputs& kept_;
    UnfinishedBytes& sum_;
};

} // namespace zcomet::webnode::layer

// What lies around the text of a port's requests, as a list of layers: a PROXY header, then TLS. A
// plain port has neither, and its bytes are the text: they pass no layer and are not copied.
#pragma once

#include "topology/base/time.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/layer/proxy_layer.hpp"
#include "webnode/layer/taken.hpp"
#include "webnode/layer/tls_layer.hpp"
#include "webnode/layer/unfinished.hpp"

#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

namespace zcomet::webnode::layer {

/// is_on()      whether a connection has this layer now. Is asked for each read, so it is inline.
/// take()       takes it off the bytes that came, and keeps those that are not complete.
/// memory_of()  memory for the connection, beside bytes that are kept.
/// give_up()    the connection is about to end, and what still comes is thrown away.
/// forget()     the connection is about to be closed.
template <typename T>
concept Layer = requires(T layer, const T& seen, connection::Handle handle, std::string_view bytes,
                         Time now) {
    { seen.is_on(handle) } -> std::same_as<bool>;
    { layer.take(handle, bytes, now) } -> std::same_as<Taken>;
    { seen.memory_of(handle) } -> std::same_as<std::size_t>;
    { layer.give_up(handle) } -> std::same_as<void>;
    { layer.forget(handle) } -> std::same_as<void>;
};

/// A connection that is named must exist.
/// Thread: the worker's loop only.
class Layers {
  public:
    /// @param sum  of what is kept. All must live longer than this.
    Layers(connection::Connections& connections, metrics::Counters<slot::WorkerCounter>& counters,
           UnfinishedBytes& sum)
        : kept_(sum),
          list_(ProxyLayer(connections, counters, kept_), TlsLayer(connections, kept_, sum)) {}
    Layers(const Layers&) = delete;
    Layers& operator=(const Layers&) = delete;

    [[nodiscard]] ProxyLayer& proxies() { return std::get<ProxyLayer>(list_); }

    /// Whether the bytes of a connection are not just the text of its requests.
    [[nodiscard]] bool any(connection::Handle handle) const {
        return std::apply([handle](const auto&... layer) { return (layer.is_on(handle) || ...); },
                          list_);
    }
    /// @param bytes  what was read of a connection for which any() is true.
    /// @return what all its layers have made of it. The caller does what `after` says.
    [[nodiscard]] Taken take(connection::Handle handle, std::string_view bytes, Time now);

    /// Whether a client has said something that could be answered, and no request has begun.
    [[nodiscard]] bool keeps_plain(connection::Handle handle) const;
    /// Memory for a connection.
    [[nodiscard]] std::size_t memory_of(connection::Handle handle) const;
    /// The connection is about to end, and what still comes is thrown away.
    void give_up(connection::Handle handle);
    /// The connection is about to be closed.
    void forget(connection::Handle handle);

  private:
    StreamInputs kept_; // a connection has at most one incomplete thing, in one of its layers
    std::tuple<ProxyLayer, TlsLayer> list_; // the outermost first
};

} // namespace zcomet::webnode::layer

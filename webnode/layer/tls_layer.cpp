#include "webnode/layer/tls_layer.hpp"

#include "topology/http/http_front.hpp"

#include <string>

namespace zcomet::webnode::layer {

namespace {

constexpr int kBadRequest = 400;
/// To a client that speaks HTTP to a port that wants TLS.
constexpr std::string_view kPlainWords = "this port speaks https only";

} // namespace

Taken TlsLayer::take(connection::Handle handle, std::string_view bytes, Time now) {
    if (bytes.empty()) {
        return {};
    }
    std::string earlier = kept_.take(handle);
    if (!earlier.empty()) {
        earlier.append(bytes);
        bytes = earlier;
    }
    connection::Connection& connection = connections_.table().at(handle.index);
    const auto received = connections_.decrypt(handle, connection, bytes, now);
    count_handshakes();
    if (!received) {
        return {.after = Taken::After::kClosed};
    }
    switch (received->after) {
    case connection::Secured::After::kNotTls:
        return refuse_plain(handle, bytes);
    case connection::Secured::After::kFailed:
        return {.after = Taken::After::kFailed};
    case connection::Secured::After::kEnded:
        return {.text = received->text, .after = Taken::After::kEnded};
    case connection::Secured::After::kOpen:
        break;
    }
    bytes.remove_prefix(received->used);
    if (!bytes.empty()) {
        kept_.keep(handle, std::string(bytes));
    }
    return {.text = received->text,
            .keeps = !bytes.empty() || connections_.secured().is_shaking_hands(handle.index)};
}

Taken TlsLayer::refuse_plain(connection::Handle handle, std::string_view bytes) {
    const bool is_http = bytes.front() >= 'A' && bytes.front() <= 'Z';
    const std::string answer =
        is_http ? http::late_answer(http::error_reply(kBadRequest, kPlainWords), {}).bytes
                : std::string();
    connection::Connection& connection = connections_.table().at(handle.index);
    const bool is_open = connections_.write_raw(handle, connection, answer);
    return {.after = is_open ? Taken::After::kFailed : Taken::After::kClosed};
}

void TlsLayer::give_up(connection::Handle handle) {
    if (connections_.is_secured()) {
        connections_.give_handshake_up(handle);
        count_handshakes();
    }
}

/// Connections has forgotten the handshake before.
void TlsLayer::forget(connection::Handle /*handle*/) {
    if (connections_.is_secured()) {
        count_handshakes();
    }
}

} // namespace zcomet::webnode::layer

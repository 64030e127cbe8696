#include "webnode/worker/stream_log.hpp"

#include "topology/net/peer_address.hpp"

#include <spdlog/spdlog.h>

#include <string_view>

namespace zcomet::webnode::worker {

std::string StreamLog::fields_of(const connection::Connection& connection) const {
    const std::string_view id =
        connection.parked() ? streams_.name(connection.id()) : std::string_view("-");
    return fmt::format(" id={} address={}", id, net::peer_text(connection.fd()));
}

void StreamLog::on_closing(const connection::Connection& connection,
                           connection::CloseReason reason) {
    if (reason == connection::CloseReason::kSlow && connection.parked()) {
        on_missing(connection);
    }
    if (spdlog::should_log(spdlog::level::debug)) {
        spdlog::debug("event=closed node={} reason={} messages={}{}", node_,
                      connection::name_of(reason), connection.messages, fields_of(connection));
    }
}

void StreamLog::on_missing(const connection::Connection& connection) {
    if (slow_stream_.empty()) {
        slow_stream_ = fields_of(connection);
    }
}

} // namespace zcomet::webnode::worker

#include "webnode/worker/stream_log.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <chrono>
#include <string_view>

namespace zcomet::webnode::worker {

namespace {

/// What TCP has sent on a connection, each byte once. It counts by itself, so this costs nothing
/// before it is asked.
std::uint64_t bytes_sent(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0
               ? info.tcpi_bytes_sent - info.tcpi_bytes_retrans
               : 0;
}

} // namespace

std::string StreamLog::fields_of(const connection::Connection& connection) const {
    return fmt::format(" id={} address={}",
                       connection.parked() ? ids_of(connection) : std::string("-"),
                       clients_.text(connection.fd()));
}

/// The first, and how many more there are: "a", or "a+9".
std::string StreamLog::ids_of(const connection::Connection& stream) const {
    std::string text;
    std::size_t more = 0;
    streams_.for_each_id_of(stream, [&](std::string_view id) {
        if (text.empty()) {
            text = id;
        } else {
            ++more;
        }
    });
    return more == 0 ? text : text + "+" + std::to_string(more);
}

void StreamLog::on_opened(connection::Handle handle, const connection::Connection& connection) {
    if (each_ == 0 || ++since_ < each_) {
        return;
    }
    since_ = 0;
    opened_.emplace(handle.generation, Clock::now());
    spdlog::info("event=opened node={}{}", node_, fields_of(connection));
}

void StreamLog::on_closing(connection::Handle handle, const connection::Connection& connection,
                           connection::CloseReason reason) {
    if (reason == connection::CloseReason::kSlow && connection.parked()) {
        on_incident(connection, connection::Incident::kMissing, 0);
    }
    const auto opened = opened_.empty() ? opened_.end() : opened_.find(handle.generation);
    if (opened != opened_.end()) {
        const std::chrono::duration<double> seconds = Clock::now() - opened->second;
        opened_.erase(opened);
        spdlog::info("event=closed node={} reason={} messages={}{} seconds={:.3f} bytes={}", node_,
                     connection::name_of(reason), connection.messages, fields_of(connection),
                     seconds.count(), bytes_sent(connection.fd()));
    } else if (spdlog::should_log(spdlog::level::debug)) {
        spdlog::debug("event=closed node={} reason={} messages={}{}", node_,
                      connection::name_of(reason), connection.messages, fields_of(connection));
    }
}

void StreamLog::on_incident(const connection::Connection& connection, connection::Incident incident,
                            int status) {
    notes_.note(incident, status, [&] { return fields_of(connection); });
}

} // namespace zcomet::webnode::worker

// Which ids this worker holds: an id is logged in with its first stream, and out with its last.
#pragma once

#include "topology/session/logins.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/stream/stream_table.hpp"

#include <cstdint>
#include <string_view>

namespace zcomet::webnode::stream {

/// The one place where ids log in and out. Thread: the worker's loop only.
class Presence final : private connection::CloseListener {
  public:
    /// Both live longer than this. Listens to `connections` for streams that close.
    Presence(connection::Connections& connections, session::Logins& logins);
    ~Presence() override;

    /// Makes a stream of `id` of a connection that is kReading, and watches it.
    /// @param form  as for StreamTable::park().
    /// @return false if the connection had to be closed.
    [[nodiscard]] bool open(connection::Handle handle, std::string_view id, std::uint8_t form);

    /// Calls `visit(std::string_view id)` for each id that this worker holds. It must not open or
    /// close streams.
    template <typename Visit> void for_each_login(Visit&& visit) const {
        streams_.for_each_id(visit);
    }

    [[nodiscard]] StreamTable& streams() { return streams_; }
    [[nodiscard]] const StreamTable& streams() const { return streams_; }

  private:
    void on_close(connection::Handle handle, connection::Connection& connection) override;

    connection::Connections& connections_;
    session::Logins& logins_;
    StreamTable streams_;
};

} // namespace zcomet::webnode::stream

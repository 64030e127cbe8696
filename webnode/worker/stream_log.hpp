// What a worker logs of its streams.
#pragma once

#include "topology/base/time.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/connection/incident_notes.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>

namespace zcomet::webnode::worker {

/// Logs streams that open and close: each Nth at the level info (`--access-log`), the others'
/// closing at the level debug. Remembers one connection for each kind of incident, since those have
/// a line for many at most once a second.
class StreamLog : public connection::ConnectionLog {
  public:
    /// All live longer than this.
    StreamLog(const std::string& node, const stream::StreamTable& streams,
              const connection::Clients& clients)
        : node_(node), streams_(streams), clients_(clients) {}

    /// @param each  one stream of so many is logged; 0: none.
    void log_each(std::uint32_t each) { each_ = each; }

    void on_opened(connection::Handle handle, const connection::Connection& connection) override;
    void on_closing(connection::Handle handle, const connection::Connection& connection,
                    connection::CloseReason reason) override;
    void on_incident(const connection::Connection& connection, connection::Incident incident,
                     int status) override;

    /// As IncidentNotes::take(); the fields are " id=ID address=ADDRESS".
    [[nodiscard]] std::string take(connection::Incident incident) { return notes_.take(incident); }

  private:
    [[nodiscard]] std::string fields_of(const connection::Connection& connection) const;
    [[nodiscard]] std::string ids_of(const connection::Connection& stream) const;

    const std::string& node_;
    const stream::StreamTable& streams_;
    const connection::Clients& clients_;
    std::uint32_t each_ = 0;
    std::uint32_t since_ = 0; // streams that opened after the last one that was logged
    /// When those streams opened that are logged, by the generation of their connection.
    absl::flat_hash_map<std::uint32_t, Time> opened_;
    connection::IncidentNotes notes_;
};

} // namespace zcomet::webnode::worker

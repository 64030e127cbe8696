// The ids that this worker holds: the first stream of an id logs it in, the last one logs it out.
#pragma once

#include "topology/session/logins.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/stream/expiries.hpp"
#include "webnode/stream/gap_teller.hpp"
#include "webnode/stream/resumes.hpp"
#include "webnode/stream/stream_opener.hpp"
#include "webnode/stream/stream_table.hpp"

#include <cstdint>
#include <string_view>

namespace zcomet::webnode::stream {

/// The one place where ids log in and out. Thread: the worker's loop only.
class Presence final : public StreamOpener, private connection::CloseListener {
  public:
    /// Both live longer than this. Listens to `connections` for streams that close.
    Presence(connection::Connections& connections, session::Logins& logins);
    ~Presence() override;

    [[nodiscard]] bool open(connection::Handle handle, const wire::IdList& ids, std::uint8_t form,
                            const Beginning& beginning) override;
    [[nodiscard]] bool open_poll(connection::Handle handle, const wire::IdList& ids,
                                 const Beginning& beginning, PollTerms terms) override;
    void close(connection::Handle handle) override;

    /// From now on `gaps` hears of each connection that becomes a stream; it lives longer than
    /// this.
    void tell_openings_to(GapTeller& gaps) { gaps_ = &gaps; }

    /// The same for `resumes`: it hears where each stream begins.
    void tell_beginnings_to(Resumes& resumes) { resumes_ = &resumes; }

    /// `expiries` hears of streams that have an end. It lives longer than this.
    void tell_ends_to(Expiries& expiries) { expiries_ = &expiries; }

    /// `polls` answers them; it lives longer than this. open_poll() needs it.
    void use(Polls& polls) { polls_ = &polls; }

    /// Calls `visit(std::string_view id)` for each id that this worker holds. It must not open or
    /// close streams.
    template <typename Visit> void for_each_login(Visit&& visit) const {
        streams_.for_each_id(visit);
    }

    [[nodiscard]] StreamTable& streams() { return streams_; }
    [[nodiscard]] const StreamTable& streams() const { return streams_; }

  private:
    void on_close(connection::Handle handle, connection::Connection& connection) override;
    void begin(connection::Handle handle, const wire::IdList& ids, std::uint8_t form,
               const Beginning& beginning);

    connection::Connections& connections_;
    session::Logins& logins_;
    StreamTable streams_;
    GapTeller* gaps_ = nullptr;
    Resumes* resumes_ = nullptr;
    Polls* polls_ = nullptr;
    Expiries* expiries_ = nullptr;
};

} // namespace zcomet::webnode::stream

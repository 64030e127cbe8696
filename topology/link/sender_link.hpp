// A sender's socket around its session (sender_session.hpp): a DEALER to the broker.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/broker_link.hpp"
#include "topology/session/sender_session.hpp"
#include "topology/session/turns.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace zcomet::link {

/// For a loop to drive; after a run of send() call turn(), or Loop::wake(). Thread: one, for its
/// whole life.
class SenderLink final : public BrokerLink {
  public:
    /// @param events  lives longer than this.
    /// @param broker  "tcp://HOST:PORT"; need not be reachable yet.
    [[nodiscard]] static Result<std::unique_ptr<SenderLink>> open(LinkContext& context,
                                                                  session::SenderEvents& events,
                                                                  const std::string& broker,
                                                                  std::string name, Time now);

    /// As in SenderSession.
    [[nodiscard]] bool can_send(std::size_t message_bytes) const {
        return session_.can_send(message_bytes);
    }
    std::uint64_t send(std::string_view id, std::string_view payload,
                       wire::Confirm confirm = wire::Confirm::kNothing,
                       std::string_view attributes = {}) {
        return session_.send(id, payload, confirm, attributes);
    }

    /// As in SenderSession.
    void ask(const wire::Query& query) { session_.ask(query); }
    void ask(const wire::History& history) { session_.ask(history); }
    void hurry() { session_.hurry(); }
    void flush(Time now) { session_.flush(now); }

    /// Receives what waits, then sends what is due. Never blocks. @return whether more is waiting:
    /// then call it again without sleeping, since the descriptor will not say so.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return std::min(session_.due(), connector().due()); }
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override { return connector().fds_version(); }

    /// Sends what is waiting, then GOODBYE; the socket lingers for up to a second to pass it on.
    void close(Time now);

    [[nodiscard]] bool welcomed() const { return session_.welcomed(); }
    [[nodiscard]] bool all_taken_in() const { return session_.all_taken_in(); }
    [[nodiscard]] std::uint64_t not_taken_in() const { return session_.not_taken_in(); }
    [[nodiscard]] std::uint64_t unacknowledged() const { return session_.unacknowledged(); }
    [[nodiscard]] const session::SenderSessionCounters& counters() const {
        return session_.counters();
    }

  private:
    using BrokerLink::send; // for frames; send() for messages would hide it
    SenderLink(LinkContext& context, session::SenderEvents& events, std::string name,
               std::uint64_t incarnation);

    session::SenderEvents& events_;
    std::array<int, 2> fds_; // the DEALER's, and that of a look-up of the broker's name
    session::SenderSession session_;
    session::SenderTurn turn_;
};

} // namespace zcomet::link

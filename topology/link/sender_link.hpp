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

/// One of a Dispatch. Thread: one, for its whole life.
class SenderLink final : public BrokerLink {
  public:
    /// @param events  lives longer than this.
    /// @param broker  "tcp://HOST:PORT"; need not be reachable yet.
    [[nodiscard]] static Result<std::unique_ptr<SenderLink>> open(LinkContext& context,
                                                                  session::SenderEvents& events,
                                                                  const std::string& broker,
                                                                  std::string name);

    /// Says HELLO. Call once.
    void start(Time now) { session_.start(now); }
    [[nodiscard]] session::SenderSession& session() { return session_; }
    [[nodiscard]] const session::SenderSession& session() const { return session_; }

    /// Receives what waits.
    void take_in(Time now);
    /// Sends what is due. @return whether more is waiting: then the next turn has to come without
    /// sleeping, since the descriptor will not say so.
    bool send_due(Time now);
    /// Both. Never blocks.
    bool turn(Time now) override {
        take_in(now);
        return send_due(now);
    }
    [[nodiscard]] Time due() const override { return std::min(session_.due(), connector().due()); }
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override { return connector().fds_version(); }

    /// Sends what is waiting, then GOODBYE; the socket lingers for up to a second to pass it on.
    void close(Time now);

  private:
    SenderLink(LinkContext& context, session::SenderEvents& events, std::string name,
               std::uint64_t incarnation);

    session::SenderEvents& events_;
    std::array<int, 2> fds_; // the DEALER's, and that of a look-up of the broker's name
    session::SenderSession session_;
    session::SenderTurn turn_;
};

} // namespace zcomet::link

// A node's sockets around its session (node_session.hpp): a DEALER to the broker and a SUB to its
// feed.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/source.hpp"
#include "topology/session/node_session.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace zcomet::link {

/// What a node does with what the link brings. Called from within turn(), on its thread; must not
/// call back into the link except login() and logout().
class NodeLinkHandler {
  public:
    virtual ~NodeLinkHandler() = default;
    virtual void on_messages(const wire::MessageList& messages) = 0;
    /// Whether on_messages() may be called now. If not, batches wait in the socket, the broker
    /// hears of it by the missing acknowledgement, and turn() says that more is waiting.
    [[nodiscard]] virtual bool can_take_messages() { return true; }
    virtual void for_each_login(const std::function<void(std::string_view id)>& visit) = 0;
    virtual std::uint64_t stream_count() = 0;
    /// As NodeSessionHost's.
    virtual wire::NodeLedger ledger() = 0;
    virtual void on_live(std::string_view broker_name) = 0;
    virtual void on_lost() = 0;
    virtual void on_refused(wire::ErrorCode code, std::string_view text) = 0;
};

/// For a loop to drive. Thread: one, for its whole life.
class NodeLink : public loop::Source {
  public:
    /// @param broker  "tcp://HOST:PORT"; need not be reachable yet.
    [[nodiscard]] static Result<std::unique_ptr<NodeLink>>
    open(zmq::context_t& context, NodeLinkHandler& handler, const std::string& broker,
         std::string name, std::uint64_t incarnation, Time now);
    ~NodeLink() override;
    NodeLink(const NodeLink&) = delete;
    NodeLink& operator=(const NodeLink&) = delete;

    void login(std::string_view id) { session_.login(id); }
    void logout(std::string_view id) { session_.logout(id); }

    /// As NodeSession's.
    void confirm_logins(Time now) { session_.confirm_logins(now); }
    [[nodiscard]] bool logins_applied() const { return session_.logins_applied(); }

    /// Receives up to a budget of frames, then sends what is due. @return whether more is waiting:
    /// then call it again without sleeping, since the descriptors will not say so.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return session_.due(); }
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }

    /// Says GOODBYE; the sockets linger for up to a second to pass it on.
    void close(Time now);

    [[nodiscard]] bool live() const { return session_.live(); }
    [[nodiscard]] const session::NodeSessionCounters& counters() const {
        return session_.counters();
    }

  private:
    class Host;
    NodeLink(zmq::context_t& context, NodeLinkHandler& handler, std::string name,
             std::uint64_t incarnation, std::string broker_host);
    /// Tells the session if the DEALER has a connection that it did not have before.
    void notice_connection(Time now);
    /// Receives one message of the feed. @return whether there was one.
    bool receive_batch(Time now);

    std::unique_ptr<Host> host_;
    ZmqSocket dealer_;
    ZmqSocket sub_;
    std::array<int, 2> fds_;
    session::NodeSession session_;
    bool connected_ = false; // the DEALER, when last looked
};

} // namespace zcomet::link

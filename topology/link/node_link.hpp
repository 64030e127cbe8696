// A node's sockets around its session with one broker (node_session.hpp): a DEALER to the broker
// and a SUB to its feed.
#pragma once

#include "topology/base/result.hpp"
#include "topology/link/broker_link.hpp"
#include "topology/link/feed_hosts.hpp"
#include "topology/session/node_session.hpp"
#include "topology/session/turns.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::link {

/// For a loop to drive. Thread: one, for its whole life.
class NodeLink final : public BrokerLink, private session::FeedWires {
  public:
    /// @param node     lives longer than this.
    /// @param broker   which of the node's brokers this one is.
    /// @param address  "tcp://HOST:PORT"; need not be reachable yet.
    /// @param feed_hosts  as in Uplink::open().
    [[nodiscard]] static Result<std::unique_ptr<NodeLink>>
    open(LinkContext& context, session::Node& node, std::size_t broker, const std::string& address,
         const std::vector<std::string>& feed_hosts, Time now);

    void login(std::string_view id) { session_.login(id); }
    void logout(std::string_view id) { session_.logout(id); }

    /// As in NodeSession.
    void tell_list(Time now) { session_.tell_list(now); }
    void ask(const wire::History& history) { session_.ask(history); }
    void confirm_logins(Time now) { session_.confirm_logins(now); }
    [[nodiscard]] bool logins_applied() const { return session_.logins_applied(); }
    [[nodiscard]] bool logins_refused() const { return session_.logins_refused(); }

    /// Receives up to a budget of frames, then sends what is due. @return whether more is waiting:
    /// then call it again without sleeping, since the descriptors will not say so.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override;
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override {
        return connector().fds_version() + feed_connector_.fds_version();
    }

    /// Says GOODBYE; the sockets linger for up to a second to pass it on.
    void close(Time now);

    [[nodiscard]] bool live() const { return session_.live(); }
    [[nodiscard]] bool is_cut_off(Time now) const { return session_.is_cut_off(now); }
    [[nodiscard]] bool is_in_touch(Time now) const { return session_.is_in_touch(now); }
    [[nodiscard]] const session::NodeSessionCounters& counters() const {
        return session_.counters();
    }

  private:
    NodeLink(LinkContext& context, session::Node& node, std::size_t broker, std::string broker_host,
             const std::vector<std::string>& feed_hosts);
    [[nodiscard]] Status connect_feed(const std::string& endpoint) override;
    [[nodiscard]] std::optional<std::string_view> receive_batch() override;
    [[nodiscard]] bool batch_waits() override { return sub_.readable(); }

    /// Goes on with connecting to hosts that have names.
    void follow_names(Time now);

    session::NodeEvents& events_;
    const std::string broker_host_; // as its address names it
    const FeedHosts feed_hosts_;
    ZmqSocket sub_;
    HostConnector feed_connector_;
    std::array<int, 4> fds_;                // the DEALER's, the SUB's, and those of their look-ups
    std::optional<zmq::message_t> in_hand_; // receive_batch() gave a view of it
    session::NodeSession session_;
    session::NodeTurn turn_;
};

} // namespace zcomet::link

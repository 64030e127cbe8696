// A node's way to its brokers: a link to each.
#pragma once

#include "topology/link/link_context.hpp"
#include "topology/link/node_link.hpp"
#include "topology/loop/source.hpp"
#include "topology/session/history_source.hpp"
#include "topology/session/logins.hpp"
#include "topology/session/node.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::link {

/// For a loop to drive. Events of all brokers go to the same NodeEvents. Thread: one, for its whole
/// life.
class Uplink final : public loop::Source, public session::Logins, public session::HistorySource {
  public:
    /// @param events   lives longer than this.
    /// @param brokers  "tcp://HOST:PORT" each, at least one; need not be reachable yet.
    /// @param name     of the node, 1 to 64 printable ASCII characters, unique in the cluster.
    /// @param feed_hosts  where feeds may be, beside the hosts of the brokers.
    [[nodiscard]] static Result<std::unique_ptr<Uplink>>
    open(LinkContext& context, session::NodeEvents& events, const std::vector<std::string>& brokers,
         std::string name, Time now, const std::vector<std::string>& feed_hosts = {});

    /// Goes to the brokers that should know `id`.
    void login(std::string_view id) override;
    void logout(std::string_view id) override;

    /// Goes to the broker that keeps the history of these ids.
    void ask(const wire::History& history) override;
    [[nodiscard]] bool was_shown(const wire::Origin& origin) const override {
        return node_.seen().has(origin);
    }

    /// Has each broker say when it has applied all logins up to now (NodeSession).
    void confirm_logins(Time now);
    /// Whether all brokers have applied them, and no change waits.
    [[nodiscard]] bool logins_applied() const;
    /// Whether a broker had no room for some of the ids.
    [[nodiscard]] bool logins_refused() const;

    /// Gives each link a turn.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override;
    [[nodiscard]] std::span<const int> fds() const override { return fds_; }
    [[nodiscard]] std::uint32_t fds_version() const override;

    /// Says GOODBYE; the sockets linger for up to a second to pass it on.
    void close(Time now);

    /// Whether the feeds of all brokers are live.
    [[nodiscard]] bool live() const;
    /// Whether a feed has not been live for the liveness time (NodeSession).
    [[nodiscard]] bool is_cut_off(Time now) const;
    /// Whether messages of all brokers come through (NodeSession).
    [[nodiscard]] bool is_in_touch(Time now) const;
    /// The sums over all brokers.
    [[nodiscard]] session::NodeSessionCounters counters() const;

  private:
    Uplink(session::NodeEvents& events, std::string name, std::size_t brokers);

    void collect_fds();

    session::Node node_;
    std::vector<std::unique_ptr<NodeLink>> links_; // by broker
    std::vector<int> fds_;                         // of all links
    std::uint32_t collected_version_ = 0;          // of the links, when fds_ was made
};

} // namespace zcomet::link

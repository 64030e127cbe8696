// A node's way to its brokers: a link to each.
#pragma once

#include "topology/cluster/broker_list.hpp"
#include "topology/cluster/broker_slots.hpp"
#include "topology/cluster/login_placement.hpp"
#include "topology/link/link_context.hpp"
#include "topology/link/link_set.hpp"
#include "topology/link/node_link.hpp"
#include "topology/loop/source.hpp"
#include "topology/session/history_source.hpp"
#include "topology/session/logins.hpp"
#include "topology/session/node.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::link {

/// For a loop to drive. Events of all brokers go to the same NodeEvents. Thread: one, for its whole
/// life.
class Uplink final : public loop::Source, public session::Logins, public session::HistorySource {
  public:
    /// @param events   lives longer than this.
    /// @param brokers  need not be reachable yet.
    /// @param name     of the node, 1 to 64 printable ASCII characters, unique in the cluster.
    /// @param feed_hosts  where feeds may be, beside the hosts of the brokers.
    [[nodiscard]] static Result<std::unique_ptr<Uplink>>
    open(LinkContext& context, session::NodeEvents& events, const cluster::BrokerList& brokers,
         std::string name, Time now, const std::vector<std::string>& feed_hosts = {});

    /// Goes by a newer list of brokers: logs ids in at brokers that should know them now, and out
    /// at those that should not, and leaves brokers that are not in the list. Tells the brokers of
    /// the list once the logins are applied. Errors, and nothing has changed: as
    /// BrokerSlots::use(); an address cannot be used.
    [[nodiscard]] Status use(const cluster::BrokerList& list, Time now);
    [[nodiscard]] const cluster::BrokerList& list() const { return slots_.list(); }
    /// @param broker  its number, as events have it.
    [[nodiscard]] const cluster::ListedBroker& broker(std::size_t broker) const {
        return slots_[broker];
    }

    /// Goes to the brokers that should know `id`.
    void login(std::string_view id) override;
    void logout(std::string_view id) override;

    /// Goes to the only broker: a node of several has no histories.
    void ask(const wire::History& history) override;
    [[nodiscard]] bool was_shown(const wire::Origin& origin) const override {
        return node_.seen().has(origin);
    }

    /// Has each broker say when it has applied all logins up to now (NodeSession).
    void confirm_logins(Time now);
    /// Whether each broker whose feed is live has applied them, and no change waits; and each id
    /// has a broker that has.
    [[nodiscard]] bool logins_applied() const;
    /// Whether a broker had no room for some of the ids.
    [[nodiscard]] bool logins_refused() const;

    /// Gives each link a turn.
    bool turn(Time now) override;
    [[nodiscard]] Time due() const override { return links_.due(); }
    [[nodiscard]] std::span<const int> fds() const override { return links_.fds(); }
    [[nodiscard]] std::uint32_t fds_version() const override { return links_.fds_version(); }

    /// Says GOODBYE; the sockets linger for up to a second to pass it on.
    void close(Time now) { links_.close(now); }

    // Of several brokers some may be away, as long as every id has one that is not.

    /// Whether every id has a broker whose feed is live.
    [[nodiscard]] bool live() const;
    /// Whether an id may have no broker whose feed was live within the liveness time (NodeSession).
    [[nodiscard]] bool is_cut_off(Time now) const;
    /// Whether messages to every id come through, by one of its brokers at least (NodeSession).
    [[nodiscard]] bool is_in_touch(Time now) const;
    /// How many brokers have a live feed for the node.
    [[nodiscard]] std::size_t live_brokers() const { return node_.live().count(); }
    [[nodiscard]] const cluster::LoginPlacement& placement() const {
        return node_.logins().placement();
    }
    /// The sums over all brokers.
    [[nodiscard]] session::NodeSessionCounters counters() const;

  private:
    Uplink(LinkContext& context, session::NodeEvents& events, std::string name,
           const cluster::BrokerList& brokers, const std::vector<std::string>& feed_hosts);
    using NewLinks = std::vector<std::pair<std::size_t, std::unique_ptr<NodeLink>>>;
    /// Of the brokers of the list that have none.
    [[nodiscard]] Result<NewLinks> open_links(const cluster::BrokerSlots& slots, Time now);
    void tell_list(Time now);

    /// Whether each id has a broker for whose link `holds` is true.
    template <typename Holds> [[nodiscard]] bool for_every_id(Holds&& holds) const;

    LinkContext& context_;
    const std::vector<std::string> feed_hosts_;
    cluster::BrokerSlots slots_;
    session::Node node_;
    LinkSet<NodeLink> links_;
    session::NodeSessionCounters counted_before_; // by links that are gone
};

} // namespace zcomet::link

// A simulated node of several brokers: the sessions and the turns that topology/link/uplink.cpp
// has, between simulated sockets, and streams that open and close.
#pragma once

#include "test/simulation/network.hpp"
#include "test/simulation/process.hpp"
#include "test/simulation/promises_brokers.hpp"
#include "topology/cluster/broker_slots.hpp"
#include "topology/session/node_session.hpp"
#include "topology/session/turns.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::sim {

/// A network for each broker, by the number in its name: "b0", "b1", …
using Networks = std::vector<std::unique_ptr<Network>>;
/// That number.
[[nodiscard]] std::size_t number_of(const cluster::ListedBroker& broker);

class UplinkProcess : public Process, private session::NodeEvents {
  public:
    /// The node's name is "n" and `slot`. It begins to connect.
    UplinkProcess(World& world, const Networks& networks, ClusterPromises& promises,
                  const cluster::BrokerList& list, unsigned slot);
    ~UplinkProcess() override;

    /// As Uplink::use(), if the list is newer.
    void use(const cluster::BrokerList& list);
    /// Of the list that the brokers were told of.
    [[nodiscard]] std::uint64_t told_version() const { return node_.list().version; }

    /// A browser opens a stream; does nothing before a broker's feed is live.
    void open_stream(IdNumber id);
    /// One stream, any, closes if there is one.
    void close_a_stream();
    /// It takes nothing from its feeds until `duration` is over.
    void be_busy(Duration duration);
    void end_busy();
    void crash(Word word);
    /// Says GOODBYE, and ends.
    void leave();

    [[nodiscard]] ClusterPromises::Node& account() const { return account_; }
    [[nodiscard]] unsigned slot() const { return slot_; }
    [[nodiscard]] std::uint64_t incarnation() const { return node_.incarnation(); }
    [[nodiscard]] std::size_t streams() const { return streams_.size(); }
    [[nodiscard]] bool holds(IdNumber id) const { return streams_of_id_[id] > 0; }
    /// Whether all feeds are live, and every message has had its fate.
    [[nodiscard]] bool is_ready() const;
    /// By the number in the broker's name, which must be in the list.
    [[nodiscard]] const session::NodeSession& session(std::size_t broker) const;
    /// Its end of the network with that broker. nullptr: there is none.
    [[nodiscard]] const NetworkClient* client(std::size_t broker) const;

  private:
    class Link;

    void turn() override;
    [[nodiscard]] Time due() const override;
    void settle_some();
    void count_shown(IdNumber id);
    void open_links();
    void leave_unlisted();
    [[nodiscard]] bool logins_applied() const;
    [[nodiscard]] Link* link_of(std::size_t slot) const;

    void deliver(const wire::MessageList& messages) override;
    [[nodiscard]] bool can_take() const override;
    void for_each_login(const std::function<void(std::string_view id)>& visit) const override;
    [[nodiscard]] std::uint64_t stream_count() const override { return streams_.size(); }
    [[nodiscard]] wire::NodeLedger ledger() const override { return ledger_; }
    void on_live(std::string_view /*broker_name*/) override { listening_ = true; }
    void on_refused(wire::ErrorCode code, std::string_view text) override;
    void on_no_feed(std::string_view text) override;

    const Networks& networks_;
    ClusterPromises& promises_;
    unsigned slot_;
    ClusterPromises::Node& account_;
    cluster::BrokerSlots slots_;
    session::Node node_;
    std::vector<std::unique_ptr<Link>> links_;     // by the number in the broker's name
    std::vector<std::unique_ptr<Link>> old_links_; // frames may still name them
    std::size_t broker_in_hand_ = 0;               // whose batch is taken in
    bool listening_ = false;
    Time busy_until_ = Time::min();
    std::vector<IdNumber> streams_;
    std::vector<std::uint32_t> streams_of_id_;
    std::deque<IdNumber> undecided_; // messages that wait for their fate
    Time settles_at_ = kNever;
    wire::NodeLedger ledger_; // without the sessions' own counts
};

} // namespace zcomet::sim

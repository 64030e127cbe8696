// What a node does with the events of its sessions, and the questions that they ask it.
#pragma once

#include "topology/base/time.hpp"
#include "topology/cluster/placement.hpp"
#include "topology/wire/frames.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace zcomet::session {

/// Messages that streams may have missed.
struct Gap {
    enum class Reason : std::uint8_t {
        kCutOff, ///< the node was without its feed, and the broker began another one
        kShed,   ///< the broker let messages go because the node did not keep up
    };
    Reason reason = Reason::kCutOff;
    std::size_t broker = 0; ///< whose feed it is
    /// The node's brokers whose feeds are live.
    cluster::BrokerSet live{};
    Duration without_feed = Duration::zero(); ///< kCutOff: from the last batch to the WELCOME
    std::uint64_t messages = 0;               ///< kShed: how many were lost
};

/// The program implements it. Every call comes from within a call to a session or its link, on its
/// thread, and must not call back into those, except login() and logout().
class NodeEvents {
  public:
    NodeEvents() = default;
    virtual ~NodeEvents() = default;
    NodeEvents(const NodeEvents&) = delete;
    NodeEvents& operator=(const NodeEvents&) = delete;

    /// Show these messages to the streams. The views live until the call returns.
    virtual void deliver(const wire::MessageList& messages) = 0;
    /// Whether deliver() may be called now. If not, batches wait in the socket, and the broker
    /// notices that the acknowledgement does not come.
    [[nodiscard]] virtual bool can_take() const { return true; }
    /// Call `visit` once for each id that is logged in now.
    virtual void for_each_login(const std::function<void(std::string_view id)>& visit) const = 0;
    /// How many streams the node holds, for the broker's list of nodes.
    [[nodiscard]] virtual std::uint64_t stream_count() const = 0;
    /// How many of them have that id; nothing: the node does not know.
    /// @param id  any text.
    [[nodiscard]] virtual std::optional<std::uint64_t> streams_of(std::string_view /*id*/) const {
        return std::nullopt;
    }
    /// What happened to the messages that deliver() was called with, since the node began. The
    /// session itself counts received messages and duplicates.
    [[nodiscard]] virtual wire::NodeLedger ledger() const = 0;

    /// The broker has begun a feed for this node.
    /// @param history  of the broker; its views live until the call returns.
    /// @param is_first  the node had no other feed before. If it had one, on_gap() follows.
    virtual void on_feed_begun(const wire::HistoryTerms& /*history*/, bool /*is_first*/) {}
    /// The answer to a HISTORY.
    virtual void on_kept(const wire::Kept& /*kept*/) {}
    /// Messages were delivered: the batches of the feed up to this number are applied.
    virtual void on_applied(std::uint64_t /*number*/) {}

    /// The broker answers; its feed was not heard yet.
    virtual void on_welcomed() {}
    /// The broker goes by a newer list of brokers than the node.
    virtual void on_newer_list(std::uint64_t /*version*/, std::string_view /*broker_name*/) {}
    /// The feed is live: the node may accept streams. Called again after each loss of the broker.
    virtual void on_live(std::string_view /*broker_name*/) {}
    /// The broker or its feed has not been heard for the liveness time.
    virtual void on_lost() {}
    /// The streams that are open now may have missed messages.
    virtual void on_gap(const Gap& /*gap*/) {}
    /// An operator wants the node's program to drain: to send its streams elsewhere, and end.
    virtual void on_drain_asked() {}
    /// The broker refused something, for example because of its protocol version.
    virtual void on_refused(wire::ErrorCode code, std::string_view text) = 0;
    /// The broker's name has no address to connect to. `text` says why. Called after each try, of
    /// which there is one in some seconds.
    virtual void on_no_broker(std::string_view /*text*/) {}
    /// The broker answers, and nothing has come from its feed for a while; `text` names the feed.
    /// It is connected anew.
    virtual void on_feed_silent(std::string_view /*text*/) {}
    /// This process cannot connect to the feed that the broker names. `text` says why.
    virtual void on_no_feed(std::string_view text) = 0;
};

} // namespace zcomet::session

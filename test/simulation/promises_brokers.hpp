// What a cluster of several brokers promises, checked from the side of its nodes and senders.
//
//   * No node shows a message twice, whichever brokers it came from, and each message comes from a
//     broker that its id is placed at.
//   * A sender is told once of a message, and never more than is known: that many nodes have shown
//     it. That no node has it is never said of a message that went to two brokers. That this is not
//     known is only said of a message that was sent again.
//   * When a message is acknowledged, every steady node has shown it. A node is steady for an id
//     that it held at a calm moment and ever since, while no fault touched the node or its
//     connections. So no fault of brokers and senders loses an acknowledged message.
//   * A steady node shows the acknowledged messages of one sender to one id in order. Exception: a
//     single broker, whose sender may repeat a message after later ones.
//   * A message goes to the first broker of its id, unless something has touched that broker or the
//     sender's way to it, or the list of brokers has changed, since the last calm moment.
//   * All this holds while the list of brokers changes, one step after the other.
//
// calm_brokers.hpp says what must hold in a cluster that was left alone.
#pragma once

#include "test/simulation/accounts.hpp"
#include "test/simulation/world.hpp"
#include "topology/cluster/placement.hpp"
#include "topology/wire/frames.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::sim {

class ClusterPromises {
  public:
    /// One process that shows messages.
    struct Node {
        bool is_alive = true;
        std::vector<bool> is_steady; ///< by IdNumber
        absl::flat_hash_set<std::uint64_t> shown;
        absl::flat_hash_map<std::uint64_t, std::uint64_t> last_awaited; ///< by sender and id
    };
    /// One process that sends.
    struct Sender {
        std::uint32_t index = 0;
        cluster::BrokerSet touched;          ///< since the last calm moment
        std::vector<std::uint64_t> messages; ///< by ticket, from 1
    };

    /// @param ids  lives longer than this.
    /// @param placement  of senders, by the numbers in the brokers' names.
    ClusterPromises(World& world, const std::vector<std::string>& ids,
                    cluster::Placement placement);
    /// Senders go by another one sooner or later.
    void on_placement(cluster::Placement placement) { placements_.push_back(std::move(placement)); }

    [[nodiscard]] Node& add_node();
    /// All its ways count as touched: it has to find its brokers first.
    [[nodiscard]] Sender& add_sender();

    // Faults.
    static void trouble(Node& node) { node.is_steady.assign(node.is_steady.size(), false); }
    static void touch(Sender& sender, std::size_t broker) { sender.touched.set(broker); }
    static void touch(Sender& sender) { sender.touched.set(); }
    /// A fault of a broker, which touches the ways of all senders to it.
    void touch_broker(std::size_t broker);
    /// Anything may happen to all that there is.
    void touch_all();

    // Actions of senders.
    /// The number that the next message has.
    [[nodiscard]] std::uint64_t next_message() const { return messages_.size(); }
    /// @param is_ordered  the sender has several brokers.
    void on_sent(Sender& sender, std::uint64_t ticket, IdNumber id, wire::Confirm confirm,
                 bool is_ordered);
    void on_frame_sent(const Sender& sender, std::size_t broker, const wire::Send& send);
    void on_receipt(const Sender& sender, std::uint64_t ticket, const wire::Outcome& outcome);
    void on_acknowledged(const Sender& sender, std::uint64_t ticket, const wire::Outcome& outcome);
    void on_unknown(const Sender& sender, std::uint64_t ticket);

    // Actions of nodes.
    /// The first stream of `id` opened, or its last one closed.
    static void on_presence(Node& node, IdNumber id) { node.is_steady[id] = false; }
    void on_shown(Node& node, std::size_t broker, const wire::MessageList& messages);

    // For calm moments.
    void on_calm();
    /// What is sent from now on must come to each node that is steady for its id, also without an
    /// acknowledgement, until check_probes().
    void begin_probes() { first_probe_ = messages_.size(); }
    void check_probes();
    /// How many messages of the sender await an answer, of those to ids that `is_asked` names.
    [[nodiscard]] std::uint64_t unanswered(const Sender& sender,
                                           const std::function<bool(IdNumber)>& is_asked) const;

    [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }
    [[nodiscard]] IdNumber number_of(std::string_view id) const;

  private:
    struct Message {
        const Sender* sender = nullptr;
        IdNumber id = 0;
        wire::Confirm confirm = wire::Confirm::kNothing;
        bool is_ordered = false;
        bool is_answered = false;
        std::uint32_t sent = 0; ///< how many times
        cluster::BrokerSet sent_to;
        std::uint32_t shown_by = 0; ///< number of node processes
    };

    [[nodiscard]] Message* answered_now(const Sender& sender, std::uint64_t ticket,
                                        wire::Confirm confirm);
    void check_shown_by_steady(std::uint64_t message);
    /// Whether the id was at the broker at any time since the last calm moment.
    [[nodiscard]] bool was_at(std::string_view id, std::size_t broker) const;
    void note_shown(Node& node, std::size_t broker, const wire::Message& shown);
    void check_order(Node& node, const Message& message, std::uint64_t number);
    [[nodiscard]] std::uint64_t number_in_list(const Message& message) const {
        return static_cast<std::uint64_t>(&message - messages_.data());
    }
    [[nodiscard]] std::string text_of(const Message& message) const;

    World& world_;
    const std::vector<std::string>& ids_;
    std::vector<cluster::Placement> placements_; // of senders, since the last calm moment
    absl::flat_hash_map<std::string, IdNumber> id_numbers_;
    std::vector<Message> messages_; // by the number in the payload, from 1
    std::deque<Node> nodes_;
    std::deque<Sender> senders_;
    std::uint64_t first_probe_ = 0;
};

} // namespace zcomet::sim

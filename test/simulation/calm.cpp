#include "test/simulation/calm.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace zcomet::sim {

namespace {

void check_ids(World& world, const Cluster& cluster) {
    for (IdNumber id = 0; id < cluster.promises.ids().size(); ++id) {
        NodeSet expected = 0;
        for (NodeProcess* node : cluster.nodes) {
            const bool holds = node->holds(id);
            expected |= NodeSet{holds ? 1U : 0U} << node->account().slot;
            node->account().presence[id] = holds ? Presence::kHeld : Presence::kNotHeld;
        }
        if (const NodeSet found = cluster.promises.who(id); found != expected) {
            world.violate(fmt::format("id {}: the nodes {:b} hold it, the broker says {:b}",
                                      cluster.promises.ids()[id], expected, found));
            return;
        }
    }
}

void check_nodes(World& world, const Cluster& cluster) {
    const auto listed = nlohmann::json::parse(cluster.broker.ask("nodes", ""));
    if (listed.size() != cluster.nodes.size()) {
        world.violate(
            fmt::format("the broker lists {} nodes, {} live", listed.size(), cluster.nodes.size()));
        return;
    }
    for (const NodeProcess* node : cluster.nodes) {
        const auto entry = std::find_if(listed.begin(), listed.end(), [&](const auto& candidate) {
            return candidate["incarnation"] == fmt::format("{:016x}", node->incarnation());
        });
        if (entry == listed.end() || (*entry)["name"] != node->name() || !(*entry)["live"] ||
            (*entry)["streams"] != node->streams() || (*entry)["unacknowledged_bytes"] != 0) {
            world.violate(fmt::format("{} holds {} streams, and the broker lists {}", node->name(),
                                      node->streams(), listed.dump()));
            return;
        }
        if (!node->session().is_in_touch(world.now())) {
            world.violate(node->name() +
                          " is live, and does not hear broker and feed each heartbeat");
        }
    }
}

void check_feeds(World& world, const Cluster& cluster) {
    for (const NodeProcess* node : cluster.nodes) {
        const Feed* const feed = cluster.promises.feed_of(node->account());
        if (feed == nullptr) {
            world.violate(node->name() + " has no feed");
        } else if (feed->applied != feed->routed.size() || feed->lost != feed->shed) {
            world.violate(fmt::format(
                "{} was sent {} messages, {} of them were shown or known to be lost; the broker "
                "shed {}, the node knows of {}",
                node->name(), feed->routed.size(), feed->applied, feed->shed, feed->lost));
        }
    }
}

void check_senders(World& world, const Cluster& cluster) {
    for (const SenderProcess* sender : cluster.senders) {
        const SenderAccount& account = sender->account();
        const std::uint64_t lost = account.messages.size() - account.taken_in;
        const std::uint64_t unconfirmed = sender->session().counters().unconfirmed;
        if (!sender->session().all_taken_in() || lost > unconfirmed) {
            world.violate(fmt::format("{} sent {} messages, {} were taken in, {} wait, {} are "
                                      "counted as unconfirmed",
                                      sender->name(), account.messages.size(), account.taken_in,
                                      sender->session().not_taken_in(), unconfirmed));
        }
        if (const std::uint64_t open = cluster.promises.unanswered(account); open > 0) {
            world.violate(
                fmt::format("{} was not told where {} messages arrived", sender->name(), open));
        }
    }
}

/// QUERY "ledger": what senders, the broker and nodes have counted adds up.
void check_ledger(World& world, const Cluster& cluster) {
    const auto ledger = nlohmann::json::parse(cluster.broker.ask("ledger", ""));
    std::uint64_t cut_off = 0;
    for (const NodeProcess* node : cluster.nodes) {
        cut_off += node->streams_cut_off();
    }
    if (ledger["nodes"]["streams_cut_off"] < cut_off && ledger["nodes"]["disbelieved"] == 0 &&
        ledger["nodes"]["disbelieved_nodes"].empty()) {
        world.violate(fmt::format("{} streams were cut off last, which the ledger does not say: {}",
                                  cut_off, ledger.dump()));
    }
    for (const auto& [name, sums] : ledger.items()) {
        if (sums["remainder"] != 0) {
            world.violate(fmt::format("the ledger has a remainder in {}: {}", name, ledger.dump()));
        }
    }
    if (ledger["senders"]["missing"] > cluster.promises.accepted()) {
        world.violate(fmt::format("more messages are missing than the {} that were sent: {}",
                                  cluster.promises.accepted(), ledger.dump()));
    }
}

} // namespace

bool all_ready(const Cluster& cluster) {
    return std::all_of(cluster.nodes.begin(), cluster.nodes.end(),
                       [](const NodeProcess* node) {
                           return node->session().live() && node->catching_up() == 0;
                       }) &&
           std::all_of(cluster.senders.begin(), cluster.senders.end(),
                       [](const SenderProcess* sender) {
                           return sender->session().welcomed() && sender->waiting() == 0 &&
                                  sender->session().unacknowledged() == 0;
                       });
}

void check_calm(World& world, const Cluster& cluster) {
    check_ids(world, cluster);
    check_nodes(world, cluster);
    check_feeds(world, cluster);
    check_senders(world, cluster);
    for (NodeProcess* node : cluster.nodes) {
        node->check_streams();
    }
    check_ledger(world, cluster);
}

} // namespace zcomet::sim

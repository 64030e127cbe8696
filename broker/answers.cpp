#include "broker/answers.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace zcomet {

namespace {

std::int64_t ms_between(Time from, Time until) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(until - from).count();
}

nlohmann::ordered_json node_json(const Peer& peer, const NodePart& node, std::uint32_t ids,
                                 Time now) {
    return {{"name", peer.name},
            {"incarnation", hex_u64(peer.incarnation)},
            {"address", peer.address},
            {"ids", ids},
            {"streams", node.streams},
            {"age_ms", ms_between(peer.joined, now)},
            {"heard_ms", ms_between(peer.heard, now)},
            {"live", node.feed.is_subscribed()},
            {"unacknowledged_bytes", node.feed.kept_bytes()}};
}

} // namespace

std::string hex_u64(std::uint64_t value) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
    return text.data();
}

std::string nodes_json(const PeerTable& peers, const RoutingTable& table, Time now) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    peers.for_each([&](PeerIndex index, const Peer& peer) {
        if (const NodePart* node = peer.node()) {
            all.push_back(node_json(peer, *node, table.id_count(index), now));
        }
    });
    return all.dump();
}

std::string who_json(const PeerTable& peers, const RoutingTable& table, std::string_view id) {
    nlohmann::ordered_json names = nlohmann::ordered_json::array();
    table.for_each_node(id, [&](NodeIndex node) { names.push_back(peers[node].name); });
    return nlohmann::ordered_json{{"id", id}, {"nodes", std::move(names)}}.dump();
}

std::string stats_json(const BrokerIdentity& broker, const BrokerCounters& counters, Time now) {
    nlohmann::ordered_json counted = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < static_cast<std::size_t>(BrokerCounter::kIds); ++i) {
        counted[std::string(kBrokerCounterNames[i])] = counters.get(static_cast<BrokerCounter>(i));
    }
    return nlohmann::ordered_json{{"name", broker.name},
                                  {"version", ZCOMET_VERSION},
                                  {"incarnation", hex_u64(broker.incarnation)},
                                  {"uptime_ms", ms_between(broker.started, now)},
                                  {"ids", counters.get(BrokerCounter::kIds)},
                                  {"nodes", counters.get(BrokerCounter::kNodes)},
                                  {"senders", counters.get(BrokerCounter::kSenders)},
                                  {"counters", std::move(counted)}}
        .dump();
}

} // namespace zcomet

#include "broker/router/answers.hpp"

#include "topology/metrics/json.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <span>

namespace zcomet::broker::router {

namespace {

nlohmann::ordered_json node_json(const table::Peer& peer, const table::NodePart& node,
                                 std::uint32_t ids, Time now) {
    return {{"name", peer.name},
            {"incarnation", hex_u64(peer.incarnation)},
            {"address", peer.address},
            {"ids", ids},
            {"streams", node.streams},
            {"age_ms", in_ms(now - peer.joined)},
            {"heard_ms", in_ms(now - peer.heard)},
            {"live", node.feed.is_subscribed()},
            {"unacknowledged_bytes", node.feed.kept_bytes()}};
}

} // namespace

std::string hex_u64(std::uint64_t value) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
    return text.data();
}

std::string nodes_json(const table::PeerTable& peers, const table::RoutingTable& table, Time now) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    peers.for_each([&](table::PeerIndex index, const table::Peer& peer) {
        if (const table::NodePart* node = peer.node()) {
            all.push_back(node_json(peer, *node, table.id_count(index), now));
        }
    });
    return all.dump();
}

std::string who_json(const table::PeerTable& peers, const table::RoutingTable& table,
                     std::string_view id) {
    nlohmann::ordered_json names = nlohmann::ordered_json::array();
    table.for_each_node(id, [&](table::NodeIndex node) { names.push_back(peers[node].name); });
    return nlohmann::ordered_json{{"id", id}, {"nodes", std::move(names)}}.dump();
}

metrics::Snapshot stats_snapshot(const BrokerIdentity& broker,
                                 const table::BrokerCounters& counters, Time now) {
    static constexpr metrics::Metric kUptime{.name = "uptime_ms",
                                             .help = "time since the broker started",
                                             .unit = metrics::Unit::kMilliseconds,
                                             .kind = metrics::Kind::kGauge};
    const std::span<const metrics::Metric> rows = table::kBrokerMetrics;
    constexpr auto kFirstGauge = static_cast<std::size_t>(table::BrokerCounter::kIds);
    metrics::Snapshot snapshot;
    snapshot.program.labels = {{"name", broker.name},
                               {"version", ZCOMET_VERSION},
                               {"incarnation", hex_u64(broker.incarnation)}};
    snapshot.program.figures = {
        {&kUptime, static_cast<std::uint64_t>(in_ms(now - broker.started))}};
    metrics::append(snapshot.program.figures, counters, rows.subspan(kFirstGauge));
    metrics::append(snapshot.program.counters, counters, rows.first(kFirstGauge));
    return snapshot;
}

std::string stats_json(const BrokerIdentity& broker, const table::BrokerCounters& counters,
                       Time now) {
    return metrics::to_json(stats_snapshot(broker, counters, now), metrics::JsonLayout::kOneLine);
}

} // namespace zcomet::broker::router

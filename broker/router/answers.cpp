#include "broker/router/answers.hpp"

#include "topology/base/check.hpp"
#include "topology/metrics/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <span>
#include <system_error>

namespace zcomet::broker::router {

namespace {

/// How many more streams the node can take; null if it does not say.
nlohmann::ordered_json room_of(const table::NodePart& node) {
    const std::uint64_t places = node.ledger.places;
    if (places == 0) {
        return nullptr;
    }
    return places - std::min(places, node.streams);
}

nlohmann::ordered_json node_json(const table::Peer& peer, const table::NodePart& node,
                                 std::uint32_t ids, const Circumstances& at) {
    return {{"name", peer.name},
            {"incarnation", hex_u64(peer.incarnation)},
            {"address", peer.address},
            {"ids", ids},
            {"streams", node.streams},
            {"room", room_of(node)},
            {"age_ms", in_ms(at.now - peer.joined)},
            {"heard_ms", in_ms(at.now - at.paused - peer.heard)},
            {"live", node.feed.is_subscribed() && node.ledger.feed_silent == 0},
            {"behind", node.lag.is_left_behind()},
            {"unacknowledged_bytes", node.feed.kept_bytes()},
            {"insecure", at.is_insecure}};
}

/// The last element of a page that is not the last one. It has the members of a node, so that a
/// program that knows no pages shows it as one. No node can have its name, which has spaces.
nlohmann::ordered_json more_json(table::PeerIndex next, const Circumstances& at) {
    return {{"name", "(there are more)"},
            {"incarnation", hex_u64(0)},
            {"address", ""},
            {"ids", 0},
            {"streams", 0},
            {"room", nullptr},
            {"age_ms", 0},
            {"heard_ms", 0},
            {"live", false},
            {"behind", false},
            {"unacknowledged_bytes", 0},
            {"insecure", at.is_insecure},
            {"more", page_argument(next)}};
}

constexpr std::string_view kPageWord = "from ";

} // namespace

std::string hex_u64(std::uint64_t value) {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
    return text.data();
}

std::string nodes_json(const table::PeerTable& peers, const table::RoutingTable& table,
                       table::PeerIndex from, const Circumstances& at) {
    nlohmann::ordered_json page = nlohmann::ordered_json::array();
    const table::PeerIndex bound = peers.index_bound();
    const table::PeerIndex end =
        bound - std::min(from, bound) > kPeersPerPage ? from + kPeersPerPage : bound;
    table::PeerIndex index = from;
    for (; index < end && page.size() < kNodesPerPage; ++index) {
        const table::NodePart* node = peers.contains(index) ? peers[index].node() : nullptr;
        if (node != nullptr) {
            page.push_back(node_json(peers[index], *node, table.id_count(index), at));
        }
    }
    if (index < bound) {
        page.push_back(more_json(index, at));
    }
    return page.dump();
}

std::string one_node_json(const table::PeerTable& peers, const table::RoutingTable& table,
                          table::PeerIndex index, const Circumstances& at) {
    const table::Peer& peer = peers[index];
    ZCOMET_ASSERT(peer.node() != nullptr);
    return nlohmann::ordered_json::array({node_json(peer, *peer.node(), table.id_count(index), at)})
        .dump();
}

std::string page_argument(table::PeerIndex from) {
    return std::string(kPageWord) + std::to_string(from);
}

std::optional<table::PeerIndex> parse_page_argument(std::string_view argument) {
    if (argument.empty()) {
        return 0;
    }
    if (argument.substr(0, kPageWord.size()) != kPageWord) {
        return std::nullopt;
    }
    const std::string_view digits = argument.substr(kPageWord.size());
    table::PeerIndex from = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, from);
    if (digits.empty() || error != std::errc() || stop != end) {
        return std::nullopt;
    }
    return from;
}

std::string who_json(const table::PeerTable& peers, const table::RoutingTable& table,
                     std::string_view id) {
    nlohmann::ordered_json names = nlohmann::ordered_json::array();
    table.for_each_node(id, [&](table::NodeIndex node) { names.push_back(peers[node].name); });
    return nlohmann::ordered_json{{"id", id}, {"nodes", std::move(names)}}.dump();
}

std::string brokers_json(const BrokerIdentity& broker, const wire::ListMark& list,
                         const table::PeerTable& peers) {
    struct Lists {
        std::uint32_t same = 0, older = 0, newer = 0, without = 0;

        void add(std::uint64_t version, std::uint64_t ours) {
            ++(version == 0 ? without : version < ours ? older : version > ours ? newer : same);
        }
        [[nodiscard]] nlohmann::ordered_json json() const {
            return {{"same", same}, {"older", older}, {"newer", newer}, {"without", without}};
        }
    };
    Lists nodes;
    Lists senders;
    peers.for_each([&](table::PeerIndex, const table::Peer& peer) {
        (peer.node() != nullptr ? nodes : senders).add(peer.list.version, list.version);
    });
    return nlohmann::ordered_json{{"broker", broker.name},
                                  {"version", list.version},
                                  {"hash", hex_u64(list.hash)},
                                  {"nodes", nodes.json()},
                                  {"senders", senders.json()}}
        .dump();
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

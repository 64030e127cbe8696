#include "broker/router/ledger.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace zcomet::broker::router {

namespace {

using table::sum_or_max;

/// More than a node counts of anything in any lifetime, and few enough that the sum of very many
/// nodes fits.
constexpr std::uint64_t kCountMax = std::uint64_t{1} << 48U;
/// Names of disbelieved nodes in an answer. One is enough to look at; all of them are in the log.
/// @limit disbelieved nodes that the ledger names
constexpr std::size_t kNamedMax = 16;

void add_to(std::uint64_t& sum, std::uint64_t part) {
    sum = sum_or_max(sum, part);
}

void add_up(wire::NodeLedger& sum, const wire::NodeLedger& part) {
    add_to(sum.received, part.received);
    add_to(sum.duplicates, part.duplicates);
    add_to(sum.unclaimed, part.unclaimed);
    add_to(sum.shown, part.shown);
    add_to(sum.chunks_given, part.chunks_given);
    add_to(sum.chunks_written, part.chunks_written);
    add_to(sum.chunks_dropped, part.chunks_dropped);
    add_to(sum.chunks_waiting, part.chunks_waiting);
    add_to(sum.streams_cut_off, part.streams_cut_off);
    add_to(sum.cut_off_ms, part.cut_off_ms);
}

/// Whether the parts fit into the whole.
bool fit(std::initializer_list<std::uint64_t> parts, std::uint64_t whole) {
    std::uint64_t sum = 0;
    for (const std::uint64_t part : parts) {
        add_to(sum, part);
    }
    return sum <= whole;
}

std::int64_t remainder(std::uint64_t whole, std::initializer_list<std::uint64_t> parts) {
    std::uint64_t left =
        whole; // modulo 2^64, so that parts beyond the whole give a negative number
    for (const std::uint64_t part : parts) {
        left -= part;
    }
    return static_cast<std::int64_t>(left);
}

/// Of the peers that are there, and of those that were.
struct Sums {
    DepartedPeers all;
    std::uint64_t missing = 0;            ///< of senders that are there
    std::uint64_t kept = 0;               ///< copies in feeds
    std::vector<std::string> disbelieved; ///< names of nodes, the first few
};

Sums sum_up(const table::PeerTable& peers, const DepartedPeers& departed) {
    Sums sums;
    sums.all = departed;
    peers.for_each([&](table::PeerIndex, const table::Peer& peer) {
        if (const table::NodePart* node = peer.node()) {
            add_up(sums.all.nodes, node->ledger);
            sums.kept += node->feed.kept_messages();
            if (node->is_disbelieved) {
                add_to(sums.all.disbelieved, node->feed.acknowledged_messages());
                if (sums.disbelieved.size() < kNamedMax) {
                    sums.disbelieved.push_back(peer.name);
                }
            }
        } else {
            const table::SenderPart& sender = *std::get_if<table::SenderPart>(&peer.part);
            add_to(sums.all.sent, sender.sent_here());
            add_to(sums.missing, sender.missing());
        }
    });
    return sums;
}

} // namespace

bool is_possible(const wire::NodeLedger& now, const wire::NodeLedger& before,
                 std::uint64_t acknowledged) {
    const bool rises =
        now.received >= before.received && now.duplicates >= before.duplicates &&
        now.unclaimed >= before.unclaimed && now.shown >= before.shown &&
        now.chunks_given >= before.chunks_given && now.chunks_written >= before.chunks_written &&
        now.chunks_dropped >= before.chunks_dropped &&
        now.streams_cut_off >= before.streams_cut_off && now.cut_off_ms >= before.cut_off_ms;
    return rises && now.received <= acknowledged &&
           std::max({now.chunks_given, now.streams_cut_off, now.cut_off_ms}) <= kCountMax &&
           fit({now.shown, now.unclaimed, now.duplicates}, now.received) &&
           fit({now.chunks_written, now.chunks_dropped, now.chunks_waiting}, now.chunks_given);
}

void DepartedPeers::add(const table::NodePart& node) {
    if (node.is_disbelieved) {
        add_to(disbelieved, node.feed.acknowledged_messages());
        return;
    }
    add_up(nodes, node.ledger);
    nodes.chunks_waiting -= node.ledger.chunks_waiting;
    add_to(chunks_abandoned, node.ledger.chunks_waiting);
    add_to(unreported, node.feed.acknowledged_messages() - node.ledger.received);
}

void DepartedPeers::add(const table::SenderPart& sender) {
    add_to(sent, sender.sent_here());
}

std::string ledger_json(const table::PeerTable& peers, const table::BrokerCounters& counters,
                        const DepartedPeers& departed) {
    using Json = nlohmann::ordered_json;
    const Sums sums = sum_up(peers, departed);
    const wire::NodeLedger& nodes = sums.all.nodes;
    const auto count = [&](table::BrokerCounter counter) { return counters.get(counter); };
    const std::uint64_t missing =
        sum_or_max(count(table::BrokerCounter::kMessagesMissing), sums.missing);
    const std::uint64_t in = count(table::BrokerCounter::kMessagesIn);
    const std::uint64_t again = count(table::BrokerCounter::kMessagesRerouted);
    const std::uint64_t held = count(table::BrokerCounter::kMessagesHeld);
    const std::uint64_t nobody = count(table::BrokerCounter::kMessagesVoid);
    const std::uint64_t copies = count(table::BrokerCounter::kMessagesRouted);
    const std::uint64_t acknowledged = count(table::BrokerCounter::kMessagesAcknowledged);
    const std::uint64_t shed = count(table::BrokerCounter::kMessagesShed);
    const std::uint64_t abandoned = count(table::BrokerCounter::kMessagesAbandoned);
    return Json{{"senders",
                 {{"sent", sums.all.sent},
                  {"taken_in", in},
                  {"missing", missing},
                  {"remainder", remainder(sums.all.sent, {in, missing})}}},
                {"messages",
                 {{"taken_in", in},
                  {"rerouted", again},
                  {"held", held},
                  {"void", nobody},
                  {"remainder", remainder(in + again, {held, nobody})}}},
                {"copies",
                 {{"routed", copies},
                  {"acknowledged", acknowledged},
                  {"shed", shed},
                  {"abandoned", abandoned},
                  {"under_way", sums.kept},
                  {"remainder", remainder(copies, {acknowledged, shed, abandoned, sums.kept})}}},
                {"nodes",
                 {{"acknowledged", acknowledged},
                  {"received", nodes.received},
                  {"unreported", sums.all.unreported},
                  {"disbelieved", sums.all.disbelieved},
                  {"disbelieved_nodes", sums.disbelieved},
                  {"streams_cut_off", nodes.streams_cut_off},
                  {"cut_off_ms", nodes.cut_off_ms},
                  {"remainder", remainder(acknowledged, {nodes.received, sums.all.unreported,
                                                         sums.all.disbelieved})}}},
                {"received",
                 {{"received", nodes.received},
                  {"shown", nodes.shown},
                  {"unclaimed", nodes.unclaimed},
                  {"duplicates", nodes.duplicates},
                  {"remainder",
                   remainder(nodes.received, {nodes.shown, nodes.unclaimed, nodes.duplicates})}}},
                {"chunks",
                 {{"given", nodes.chunks_given},
                  {"written", nodes.chunks_written},
                  {"dropped", nodes.chunks_dropped},
                  {"abandoned", sums.all.chunks_abandoned},
                  {"waiting", nodes.chunks_waiting},
                  {"remainder", remainder(nodes.chunks_given,
                                          {nodes.chunks_written, nodes.chunks_dropped,
                                           sums.all.chunks_abandoned, nodes.chunks_waiting})}}}}
        .dump();
}

} // namespace zcomet::broker::router

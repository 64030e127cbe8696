#include "broker/router/ledger.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>

namespace zcomet::broker::router {

namespace {

void add_up(wire::NodeLedger& sum, const wire::NodeLedger& part) {
    sum.received += part.received;
    sum.duplicates += part.duplicates;
    sum.unclaimed += part.unclaimed;
    sum.shown += part.shown;
    sum.chunks_given += part.chunks_given;
    sum.chunks_written += part.chunks_written;
    sum.chunks_dropped += part.chunks_dropped;
    sum.chunks_waiting += part.chunks_waiting;
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
    std::uint64_t missing = 0; ///< of senders that are there
    std::uint64_t kept = 0;    ///< copies in feeds
};

Sums sum_up(const table::PeerTable& peers, const DepartedPeers& departed) {
    Sums sums{.all = departed};
    peers.for_each([&](table::PeerIndex, const table::Peer& peer) {
        if (const table::NodePart* node = peer.node()) {
            add_up(sums.all.nodes, node->ledger);
            sums.kept += node->feed.kept_messages();
        } else {
            const table::SenderPart& sender = *std::get_if<table::SenderPart>(&peer.part);
            sums.all.sent += sender.sent_here();
            sums.missing += sender.missing();
        }
    });
    return sums;
}

} // namespace

void DepartedPeers::add(const table::NodePart& node) {
    add_up(nodes, node.ledger);
    nodes.chunks_waiting -= node.ledger.chunks_waiting;
    chunks_abandoned += node.ledger.chunks_waiting;
    unreported += node.feed.acknowledged_messages() - node.ledger.received;
}

void DepartedPeers::add(const table::SenderPart& sender) {
    sent += sender.sent_here();
}

std::string ledger_json(const table::PeerTable& peers, const table::BrokerCounters& counters,
                        const DepartedPeers& departed) {
    using Json = nlohmann::ordered_json;
    const Sums sums = sum_up(peers, departed);
    const wire::NodeLedger& nodes = sums.all.nodes;
    const auto count = [&](table::BrokerCounter counter) { return counters.get(counter); };
    const std::uint64_t missing = count(table::BrokerCounter::kMessagesMissing) + sums.missing;
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
                  {"remainder", remainder(acknowledged, {nodes.received, sums.all.unreported})}}},
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

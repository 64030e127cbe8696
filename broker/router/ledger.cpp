#include "broker/router/ledger.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

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

nlohmann::ordered_json first_names(const std::set<std::string, std::less<>>& names) {
    nlohmann::ordered_json first = nlohmann::ordered_json::array();
    for (auto name = names.begin(); name != names.end() && first.size() < kNamedMax; ++name) {
        first.push_back(*name);
    }
    return first;
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

void LedgerSums::on_report(table::NodePart& node, const wire::NodeLedger& report) {
    for (std::size_t i = 0; i < kSummed.size(); ++i) {
        nodes_[i].change(node.ledger.*kSummed[i], report.*kSummed[i]);
    }
    node.ledger = report;
}

void LedgerSums::on_disbelieved(std::string_view name, table::NodePart& node) {
    on_report(node, {});
    node.is_disbelieved = true;
    disbelieved_.add(node.acknowledged_counted);
    disbelieved_nodes_.emplace(name);
}

void LedgerSums::on_sender(table::SenderPart& sender) {
    const std::uint64_t sent = sender.sent_here();
    const std::uint64_t missing = sender.missing();
    sent_.change(std::exchange(sender.sent_summed, sent), sent);
    missing_.change(std::exchange(sender.missing_summed, missing), missing);
}

void LedgerSums::on_gone(table::Peer& peer) {
    if (table::NodePart* node = peer.node()) {
        on_node_gone(peer.name, *node);
    } else {
        missing_.change(peer.sender()->missing_summed, 0); // the broker counts them from now on
    }
}

void LedgerSums::on_node_gone(std::string_view name, table::NodePart& node) {
    if (node.is_disbelieved) {
        disbelieved_nodes_.erase(disbelieved_nodes_.find(name));
        return;
    }
    unreported_.add(node.feed.acknowledged_messages() - node.ledger.received);
    chunks_abandoned_.add(node.ledger.chunks_waiting);
    wire::NodeLedger last = node.ledger;
    last.chunks_waiting = 0;
    on_report(node, last);
}

wire::NodeLedger LedgerSums::nodes() const {
    wire::NodeLedger sum;
    for (std::size_t i = 0; i < kSummed.size(); ++i) {
        sum.*kSummed[i] = nodes_[i].get();
    }
    return sum;
}

std::string ledger_json(const LedgerSums& sums, const table::BrokerCounters& counters,
                        std::uint64_t under_way) {
    using Json = nlohmann::ordered_json;
    const wire::NodeLedger nodes = sums.nodes();
    const auto count = [&](table::BrokerCounter counter) { return counters.get(counter); };
    const std::uint64_t missing =
        sum_or_max(count(table::BrokerCounter::kMessagesMissing), sums.missing());
    const std::uint64_t in = count(table::BrokerCounter::kMessagesIn);
    const std::uint64_t again = count(table::BrokerCounter::kMessagesRerouted);
    const std::uint64_t held = count(table::BrokerCounter::kMessagesHeld);
    const std::uint64_t nobody = count(table::BrokerCounter::kMessagesVoid);
    const std::uint64_t known = count(table::BrokerCounter::kMessagesKnown);
    const std::uint64_t copies = count(table::BrokerCounter::kMessagesRouted);
    const std::uint64_t acknowledged = count(table::BrokerCounter::kMessagesAcknowledged);
    const std::uint64_t shed = count(table::BrokerCounter::kMessagesShed);
    const std::uint64_t abandoned = count(table::BrokerCounter::kMessagesAbandoned);
    return Json{{"senders",
                 {{"sent", sums.sent()},
                  {"taken_in", in},
                  {"missing", missing},
                  {"remainder", remainder(sums.sent(), {in, missing})}}},
                {"messages",
                 {{"taken_in", in},
                  {"rerouted", again},
                  {"held", held},
                  {"void", nobody},
                  {"known", known},
                  {"remainder", remainder(in + again, {held, nobody, known})}}},
                {"copies",
                 {{"routed", copies},
                  {"acknowledged", acknowledged},
                  {"shed", shed},
                  {"abandoned", abandoned},
                  {"under_way", under_way},
                  {"remainder", remainder(copies, {acknowledged, shed, abandoned, under_way})}}},
                {"nodes",
                 {{"acknowledged", acknowledged},
                  {"received", nodes.received},
                  {"unreported", sums.unreported()},
                  {"disbelieved", sums.disbelieved()},
                  {"disbelieved_nodes", first_names(sums.disbelieved_nodes())},
                  {"streams_cut_off", nodes.streams_cut_off},
                  {"cut_off_ms", nodes.cut_off_ms},
                  {"remainder", remainder(acknowledged, {nodes.received, sums.unreported(),
                                                         sums.disbelieved()})}}},
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
                  {"abandoned", sums.chunks_abandoned()},
                  {"waiting", nodes.chunks_waiting},
                  {"remainder", remainder(nodes.chunks_given,
                                          {nodes.chunks_written, nodes.chunks_dropped,
                                           sums.chunks_abandoned(), nodes.chunks_waiting})}}}}
        .dump();
}

} // namespace zcomet::broker::router

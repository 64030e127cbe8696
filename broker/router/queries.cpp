#include "broker/router/queries.hpp"

#include "broker/router/answers.hpp"
#include "broker/router/ledger.hpp"
#include "topology/base/text.hpp"
#include "topology/wire/id.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

/// Bytes of an ANSWER without its JSON, and of what `streams` adds to it.
constexpr std::size_t kAnswerBytes = wire::kHeaderBytes + 8 + 4 + StreamCounts::kMoreBytes;
constexpr std::array<std::string_view, 7> kQueries{"nodes",  "who",     "streams", "stats",
                                                   "ledger", "brokers", "drain"};

/// Steps of an answer with many members, in addition to those of its nodes and peers.
constexpr std::uint32_t kStepsPerAnswer = 4;
/// Nodes of `who` and `streams`, and senders that a page of `nodes` passes over, that make a step.
constexpr std::uint32_t kNamesPerStep = 16;
constexpr std::uint32_t kPeersPerStep = 32;

/// Its answer is no number of streams, whose tokens begin at 1.
constexpr std::uint64_t kDrainToken = 0;
/// The workers of a web node NAME are the nodes NAME/1, NAME/2 and so on, up to this
/// (zcomet-webnode's --workers).
constexpr std::uint32_t kWorkersMax = 1024;

bool is_about_id(const wire::Query& query) {
    return query.what == "who" || query.what == "streams";
}

} // namespace

void Queries::on_ping(const Incoming& in, const wire::Ping& ping) {
    state_.count(table::BrokerCounter::kPings);
    state_.reply(in.connection, wire::encode(wire::Pong{ping.token}));
}

void Queries::on_query(const Incoming& in, const wire::Query& query) {
    if (!may_ask(in, query)) {
        return;
    }
    const bool is_free = steps_for(query, in.now) == 0;
    const bool is_next = is_free ? waiting_of(in.connection) == 0 : waiting_.empty();
    if (is_next && steps_ < kStepsPerTurn && (is_free || rate_.allow(in.now))) {
        answer(in.connection, query, in.now);
    } else if (may_wait(in.connection)) {
        waiting_.push_back({std::string(in.connection), query.token, std::string(query.what),
                            std::string(query.argument)});
    } else {
        state_.count(table::BrokerCounter::kQueriesRefused);
        refusals_.refuse(in, ErrorCode::kOverloaded, "too many queries wait for their answers");
    }
}

void Queries::on_query_about_itself(const Incoming& in, const wire::Query& query) {
    if (rate_.allow(in.now)) {
        state_.count(table::BrokerCounter::kQueries);
        const std::string json =
            one_node_json(state_.peers, state_.table, in.peer, circumstances(in.now));
        state_.reply(in.connection, wire::encode(wire::Answer{query.token, json}));
    } else {
        state_.count(table::BrokerCounter::kQueriesRefused);
        refusals_.refuse(in, ErrorCode::kOverloaded, "too many queries wait for their answers");
    }
}

/// One connection must not take all places.
bool Queries::may_wait(std::string_view connection) const {
    return waiting_.size() < kWaitingMax && waiting_of(connection) < kWaitingPerPeerMax;
}

std::size_t Queries::waiting_of(std::string_view connection) const {
    const auto of_this = std::count_if(waiting_.begin(), waiting_.end(), [&](const Waiting& one) {
        return one.connection == connection;
    });
    return static_cast<std::size_t>(of_this);
}

void Queries::turn(Time now) {
    steps_ = 0;
    while (!waiting_.empty() && steps_ < kStepsPerTurn) {
        const Waiting& first = waiting_.front();
        if (steps_for({first.token, first.what, first.argument}, now) > 0 && !rate_.allow(now)) {
            break;
        }
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        answer(next.connection, {next.token, next.what, next.argument}, now);
    }
    stream_counts_.turn(now);
    for (Kept* kept : {&nodes_, &ledger_}) {
        if (!kept->json.empty() && kept->made + state_.options.answer_age <= now) {
            *kept = {}; // it may be long
        }
    }
}

Time Queries::due() const {
    return std::min(waiting_.empty() ? kNever : rate_.next(), stream_counts_.due());
}

void Queries::answer(std::string_view connection, const wire::Query& query, Time now) {
    state_.count(table::BrokerCounter::kQueries);
    steps_ += steps_for(query, now);
    std::string json = json_for(query, now);
    if (json.size() + kAnswerBytes > wire::kFrameBytesMax) {
        // Only `who` and `streams` can be so long, of an id on some 8,000 nodes or more.
        const auto kind = static_cast<std::uint8_t>(wire::kKindOf<wire::Query>.kind);
        refusals_.tell({connection, {}, state_.peers.find_connection(connection), now},
                       {ErrorCode::kOverloaded, kind, "the answer is longer than a frame may be"});
        return;
    }
    if (query.what == "streams") {
        stream_counts_.ask(connection, query.token, query.argument, std::move(json), now);
        return;
    }
    state_.reply(connection, wire::encode(wire::Answer{query.token, json}));
}

bool Queries::may_ask(const Incoming& in, const wire::Query& query) {
    if (std::find(kQueries.begin(), kQueries.end(), query.what) == kQueries.end()) {
        refusals_.refuse(
            in, ErrorCode::kUnknownQuery,
            "there are the queries nodes, who, streams, stats, ledger, brokers and drain");
        return false;
    }
    if (is_about_id(query)) {
        if (!wire::valid_id(query.argument)) {
            refusals_.refuse(in, ErrorCode::kBadId, wire::why_invalid_id(query.argument));
            return false;
        }
        return true;
    }
    if (query.what == "nodes") {
        if (!parse_page_argument(query.argument)) {
            refusals_.refuse(in, ErrorCode::kMalformed,
                             "the argument of nodes is empty, or what \"more\" of an answer says");
            return false;
        }
        return true;
    }
    if (query.what == "drain") {
        if (!is_printable_name(query.argument, wire::kNameBytesMax)) {
            refusals_.refuse(in, ErrorCode::kMalformed,
                             "the argument of drain is the name of a node or web node");
            return false;
        }
        return true;
    }
    if (!query.argument.empty()) {
        refusals_.refuse(in, ErrorCode::kMalformed, "this query takes no argument");
        return false;
    }
    return true;
}

Circumstances Queries::circumstances(Time now) const {
    return {now, state_.paused, state_.options.is_insecure};
}

std::string Queries::json_for(const wire::Query& query, Time now) {
    if (is_about_id(query)) {
        return who_json(state_.peers, state_.table, query.argument);
    }
    if (query.what == "nodes") {
        return kept_json(nodes_, query.argument, now, [&] {
            const auto from = parse_page_argument(query.argument).value_or(0);
            return nodes_json(state_.peers, state_.table, from, circumstances(now));
        });
    }
    if (query.what == "ledger") {
        return kept_json(ledger_, query.argument, now, [&] {
            feeds_.count_all();
            return ledger_json(state_.ledger, state_.counters, state_.memory.feeds.messages);
        });
    }
    if (query.what == "drain") {
        return drain_json(query.argument);
    }
    if (query.what == "brokers") {
        return brokers_json(state_.identity, state_.options.list, state_.peers);
    }
    return stats_json(state_.identity, state_.counters, now);
}

/// One worker of a web node is asked: its supervisor has all of them drain.
std::string Queries::drain_json(std::string_view name) {
    table::PeerIndex index = state_.peers.find_node(name);
    for (std::uint32_t worker = 1; index == store::kNoIndex && worker <= kWorkersMax; ++worker) {
        index = state_.peers.find_node(std::string(name) + "/" + std::to_string(worker));
    }
    if (index == store::kNoIndex) {
        return R"({"node":null})";
    }
    const table::Peer& node = state_.peers[index];
    state_.reply(node.connection, wire::encode(wire::Query{kDrainToken, "drain", ""}));
    return nlohmann::json{{"node", node.name}}.dump();
}

template <typename Make>
const std::string& Queries::kept_json(Kept& kept, std::string_view argument, Time now,
                                      Make&& make) {
    if (!is_fresh(kept, argument, now)) {
        kept = {std::string(argument), make(), now};
    }
    return kept.json;
}

bool Queries::is_fresh(const Kept& kept, std::string_view argument, Time now) const {
    return !kept.json.empty() && kept.argument == argument &&
           now < kept.made + state_.options.answer_age;
}

/// About how many steps the answer takes.
std::uint32_t Queries::steps_for(const wire::Query& query, Time now) const {
    if (is_about_id(query)) {
        const std::uint32_t names =
            state_.table.for_each_node(query.argument, [](table::NodeIndex) {});
        return names / kNamesPerStep; // of few nodes it costs no more than a PING
    }
    if (query.what == "nodes" && !is_fresh(nodes_, query.argument, now)) {
        return kStepsPerAnswer + std::min(state_.peers.node_count(), kNodesPerPage) +
               std::min(state_.peers.sender_count(), kPeersPerPage) / kPeersPerStep;
    }
    if (query.what == "brokers") {
        return kStepsPerAnswer +
               (state_.peers.node_count() + state_.peers.sender_count()) / kPeersPerStep;
    }
    return kStepsPerAnswer;
}

} // namespace zcomet::broker::router

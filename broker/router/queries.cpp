#include "broker/router/queries.hpp"

#include "broker/router/answers.hpp"
#include "broker/router/ledger.hpp"
#include "topology/wire/id.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace zcomet::broker::router {

namespace {

using wire::ErrorCode;

/// Of an ANSWER, beside its JSON.
constexpr std::size_t kAnswerBytes = wire::kHeaderBytes + 8 + 4;
constexpr std::array<std::string_view, 4> kQueries{"nodes", "who", "stats", "ledger"};

} // namespace

void Queries::on_ping(const Incoming& in, const wire::Ping& ping) {
    state_.count(table::BrokerCounter::kPings);
    state_.reply(in.connection, wire::encode(wire::Pong{ping.token}));
}

void Queries::on_query(const Incoming& in, const wire::Query& query) {
    state_.count(table::BrokerCounter::kQueries);
    if (!may_ask(in, query)) {
        return;
    }
    const std::string json = answer(in, query);
    if (json.size() + kAnswerBytes > wire::kFrameBytesMax) {
        refusals_.refuse(in, ErrorCode::kOverloaded, "the answer is longer than a frame may be");
        return;
    }
    state_.reply(in.connection, wire::encode(wire::Answer{query.token, json}));
}

bool Queries::may_ask(const Incoming& in, const wire::Query& query) {
    if (std::find(kQueries.begin(), kQueries.end(), query.what) == kQueries.end()) {
        refusals_.refuse(in, ErrorCode::kUnknownQuery,
                         "there are the queries nodes, who, stats and ledger");
        return false;
    }
    const bool is_who = query.what == "who";
    if (is_who && !wire::valid_id(query.argument)) {
        refusals_.refuse(in, ErrorCode::kBadId, wire::why_invalid_id(query.argument));
        return false;
    }
    if (!is_who && !query.argument.empty()) {
        refusals_.refuse(in, ErrorCode::kMalformed, "this query takes no argument");
        return false;
    }
    return true;
}

std::string Queries::answer(const Incoming& in, const wire::Query& query) {
    if (query.what == "who") {
        return who_json(state_.peers, state_.table, query.argument);
    }
    if (query.what == "nodes") {
        return nodes_json(state_.peers, state_.table, in.now);
    }
    if (query.what == "ledger") {
        feeds_.count_all();
        return ledger_json(state_.peers, state_.counters, state_.departed);
    }
    return stats_json(state_.identity, state_.counters, in.now);
}

} // namespace zcomet::broker::router

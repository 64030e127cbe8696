#include "broker/router/answers.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace answers_test {

using namespace zcomet;
using namespace zcomet::broker;
using namespace std::chrono_literals;

TEST_CASE("stats begin with the broker itself, on one line", "[answers]") {
    table::BrokerCounters counters;
    counters.set(table::BrokerCounter::kIds, 5);
    counters.set(table::BrokerCounter::kNodes, 2);
    counters.add(table::BrokerCounter::kFramesIn, 9);
    const router::BrokerIdentity broker{"b", 0x1F, Time(1s)};
    const std::string json = router::stats_json(broker, counters, Time(3s));
    const std::string start = R"({"name":"b","version":")" ZCOMET_VERSION
                              R"(","incarnation":"000000000000001f","uptime_ms":2000,)"
                              R"("ids":5,"nodes":2,"senders":0,"memory_bytes":0,)";
    CHECK(json.find(R"(,"counters":{"frames_in":9,"bytes_in":0,)") != std::string::npos);
    CHECK(json.substr(0, start.size()) == start);
}

TEST_CASE("stats have each metric of the broker once", "[answers]") {
    const auto stats = nlohmann::json::parse(router::stats_json({}, {}, Time(1s)));
    for (const metrics::Metric& metric : table::kBrokerMetrics) {
        const std::string name(metric.name);
        INFO(name);
        CHECK(stats.contains(name) == (metric.kind == metrics::Kind::kGauge));
        CHECK(stats["counters"].contains(name) == (metric.kind == metrics::Kind::kCounter));
    }
}

} // namespace answers_test

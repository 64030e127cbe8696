#include "tools/ctl/reconcile_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace reconcile_text_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::ctl;

TEST_CASE("a finding is a line, or an object", "[reconcile_text]") {
    logs::Finding missing{logs::Finding::Kind::kMissing, "5f3a", 12, "123", 1, 7, "void"};
    CHECK(finding_text(missing, "b.log") == "missing\t5f3a\t12\t123\tb.log\t7\tvoid\t-\n");
    CHECK(nlohmann::json::parse(finding_json(missing, "b.log")) ==
          nlohmann::json{{"kind", "missing"},
                         {"sender", "5f3a"},
                         {"number", 12},
                         {"id", "123"},
                         {"log", "b.log"},
                         {"stream", 7},
                         {"reason", "void"},
                         {"told", false}});
    missing.told = true;
    CHECK(finding_text(missing, "b.log") == "missing\t5f3a\t12\t123\tb.log\t7\tvoid\ttold\n");
    CHECK(nlohmann::json::parse(finding_json(missing, "b.log")).at("told") == true);
    const logs::Finding twice{logs::Finding::Kind::kTwice, "5f3a", 12, "123", 0, 7, {}};
    CHECK(finding_text(twice, "a.log") == "twice\t5f3a\t12\t123\ta.log\t7\t-\t-\n");
    CHECK_FALSE(nlohmann::json::parse(finding_json(twice, "a.log")).contains("reason"));
}

TEST_CASE("totals end with a verdict", "[reconcile_text]") {
    logs::ReconcileTotals totals;
    totals.sent = 10;
    CHECK(totals_text(totals, false).ends_with("every message came once, in order\n"));
    CHECK(totals_text(totals, true).ends_with("every message came once, in order\n"));
    CHECK(nlohmann::json::parse(totals_json(totals, false)).at("balanced") == true);
    totals.missing = 2;
    totals.told = 2;
    CHECK(totals_text(totals, false).ends_with("the logs do not agree\n"));
    CHECK(totals_text(totals, true)
              .ends_with("every message came once, in order, or its stream was told so\n"));
    CHECK(nlohmann::json::parse(totals_json(totals, true)).at("balanced") == true);
    totals.out_of_order = 3;
    CHECK(totals_text(totals, true).ends_with("the logs do not agree\n"));
    const auto json = nlohmann::json::parse(totals_json(totals, true));
    CHECK(json.at("balanced") == false);
    CHECK(json.at("sent") == 10);
    CHECK(json.at("out_of_order") == 3);
}

} // namespace reconcile_text_test

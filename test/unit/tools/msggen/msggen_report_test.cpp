// Goal: the generator's summary says what happened, and says so if it was not what was asked for.
#include "tools/msggen/msggen_report.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace msggen_report_test {

using zcomet::tools::msggen::MsggenReport;

namespace {

MsggenReport good_report() {
    MsggenReport report;
    report.sent = report.planned = 2001;
    report.seconds = 20;
    report.wanted_per_s = 100;
    report.generators = 10;
    report.seed = 42;
    return report;
}

} // namespace

TEST_CASE("a run that went as wanted is one line", "[msggen_report]") {
    CHECK(good_report().text() == "sent 2001 messages in 20.00 s: 100.0 a second (100.0 wanted)\n");
}

TEST_CASE("messages to nobody are told, and fail only a run that asks where they arrived",
          "[msggen_report]") {
    MsggenReport report;
    report.sent = report.planned = 20;
    report.gone_into_void = 20;
    CHECK(
        report.text() ==
        "sent 20 messages in 0.00 s\nall messages went to nobody: no stream was open on the ids\n");
    CHECK(report.all_arrived());
    report.gone_into_void = 3;
    CHECK(report.text().find("\n3 messages went to nobody: ") != std::string::npos);
    CHECK(nlohmann::json::parse(report.json()).at("void") == 3);
    report.asks_acknowledgement = true;
    report.acknowledged = 17;
    CHECK(report.text() == "sent 20 messages in 0.00 s\nacknowledged 17, void 3, resent 0\n");
    CHECK_FALSE(report.all_arrived());
}

TEST_CASE("a run at full speed has no wanted rate and is never behind", "[msggen_report]") {
    MsggenReport report = good_report();
    report.wanted_per_s = 0;
    report.late_ms = 20'000;
    CHECK_FALSE(report.behind_schedule());
    CHECK(report.text() == "sent 2001 messages in 20.00 s: 100.0 a second\n");
}

TEST_CASE("a single message has no rate", "[msggen_report]") {
    MsggenReport report;
    report.sent = report.planned = 1;
    CHECK(report.per_s() == 0);
    CHECK(report.text() == "sent 1 message in 0.00 s\n");
}

TEST_CASE("a late end counts as behind from 50 ms and a hundredth on", "[msggen_report]") {
    MsggenReport report = good_report();
    report.late_ms = 199;
    CHECK_FALSE(report.behind_schedule());
    report.late_ms = 201;
    CHECK(report.behind_schedule());
    CHECK(report.text().find("behind schedule by 201 ms") != std::string::npos);
    report.seconds = 1;
    report.late_ms = 49;
    CHECK_FALSE(report.behind_schedule());
}

TEST_CASE("each failure is a line", "[msggen_report]") {
    MsggenReport report = good_report();
    report.planned = 3000;
    report.lost_brokers = 1;
    report.unconfirmed = 1;
    report.log_lines_lost = 2;
    CHECK(report.text() == "sent 2001 messages in 20.00 s: 100.0 a second (100.0 wanted)\n"
                           "stopped before the other 999 of 3000\n"
                           "the broker was lost 1 time\n"
                           "the broker did not confirm 1 message, which may be lost\n"
                           "the log lacks 2 messages: it could not be written\n");
}

TEST_CASE("messages of which nobody knows whether they arrived are said to be such",
          "[msggen_report]") {
    MsggenReport report = good_report();
    report.asks_acknowledgement = true;
    report.acknowledged = 2000;
    report.not_known = 1;
    report.resent = 3;
    CHECK_THAT(report.text(),
               Catch::Contains("acknowledged 2000, void 0, resent 3\n"
                               "sent again, and not known whether it arrived: 1 message\n"));
    CHECK(nlohmann::json::parse(report.json()).at("not_known") == 1);
    CHECK_FALSE(report.all_arrived());
}

TEST_CASE("the JSON has everything", "[msggen_report]") {
    const auto json = nlohmann::json::parse(good_report().json());
    CHECK(json.at("sent") == 2001);
    CHECK(json.at("planned") == 2001);
    CHECK(json.at("per_s") == 100.0);
    CHECK(json.at("wanted_per_s") == 100.0);
    CHECK(json.at("behind_schedule") == false);
    CHECK(json.at("void") == 0);
    CHECK(json.at("unconfirmed") == 0);
    CHECK(json.at("log_lines_lost") == 0);
    CHECK(json.at("generators") == 10);
    CHECK(json.at("seed") == 42);
}

} // namespace msggen_report_test

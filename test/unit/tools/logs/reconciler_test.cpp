// Goal: the reconciler names exactly the messages that a plain comparison finds missing, repeated
// or moved.
// Method: logs made by hand for each rule; then random runs in which random messages are lost,
// repeated and moved, against a model that keeps everything and compares all of it.
#include "tools/logs/reconciler.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace reconciler_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::logs;
using What = StreamLine::What;

namespace {

constexpr std::uint64_t kGrace = 10;

/// "missing a/1 at 0.0: void" for each finding, and " told" behind it where the stream was.
class Comparison {
  public:
    void sent(std::uint64_t number, const std::string& id, std::uint64_t time_ns,
              Fate fate = Fate::kHeld, const std::string& sender = "a") {
        REQUIRE(reconciler.add_sent({sender, number, id, time_ns, 1, fate, 1}).ok());
    }
    void open(std::uint64_t stream, const std::string& id, std::uint64_t time_ns) {
        REQUIRE(reconciler.add_received({What::kOpen, stream, id, time_ns, 0, {}, 0}).ok());
    }
    void got(std::uint64_t stream, const std::string& id, std::uint64_t time_ns,
             std::uint32_t on_stream, std::uint64_t number, const std::string& sender = "a") {
        REQUIRE(
            reconciler.add_received({What::kGot, stream, id, time_ns, on_stream, sender, number})
                .ok());
    }
    void gap(std::uint64_t stream, const std::string& id, std::uint64_t time_ns) {
        REQUIRE(reconciler.add_received({What::kGap, stream, id, time_ns, 0, {}, 0}).ok());
    }
    void close(std::uint64_t stream, const std::string& id, std::uint64_t time_ns) {
        REQUIRE(reconciler.add_received({What::kClose, stream, id, time_ns, 0, {}, 0}).ok());
    }
    const std::vector<std::string>& found() const { return findings; }

    std::vector<std::string> findings;
    Reconciler reconciler{kGrace, [this](const Finding& finding) {
                              std::string text(name_of(finding.kind));
                              text.append(" ").append(finding.sender).append("/");
                              text += std::to_string(finding.number) + " at " +
                                      std::to_string(finding.log) + "." +
                                      std::to_string(finding.stream);
                              text += finding.reason.empty() ? "" : ": ";
                              text.append(finding.reason).append(finding.told ? " told" : "");
                              findings.push_back(text);
                          }};
};

using Found = std::vector<std::string>;

} // namespace

TEST_CASE("nothing is found where every message came once and in order", "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 120);
    logs.sent(2, "y", 130);
    logs.sent(3, "x", 140);
    logs.open(0, "x", 100);
    logs.open(1, "y", 100);
    logs.open(2, "x", 100);
    logs.got(0, "x", 121, 1, 1);
    logs.got(2, "x", 121, 1, 1);
    logs.got(1, "y", 131, 1, 2);
    logs.got(0, "x", 141, 2, 3);
    logs.got(2, "x", 141, 2, 3);
    logs.close(0, "x", 200);
    logs.close(1, "y", 200);
    logs.reconciler.end_log(); // stream 2 was open until then
    const ReconcileTotals& totals = logs.reconciler.finish();
    CHECK(logs.found().empty());
    CHECK(totals.balanced());
    CHECK(totals.sent == 3);
    CHECK(totals.streams == 3);
    CHECK(totals.received == 5);
    CHECK(totals.no_stream == 0);
}

TEST_CASE("a message that did not come is missing; the finding says what the logs know",
          "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 120, Fate::kVoid);
    logs.sent(2, "x", 130);
    logs.sent(3, "x", 140);
    logs.sent(4, "x", 150, Fate::kUnconfirmed);
    logs.sent(5, "x", 160);
    logs.sent(6, "x", 170);
    logs.open(7, "x", 100);
    logs.got(7, "x", 131, 1, 2);
    logs.got(7, "x", 161, 3, 5); // number 2 of the stream was dropped: one of the two
    logs.got(7, "x", 161, 3, 5);
    logs.close(7, "x", 200);
    logs.reconciler.end_log();
    CHECK_FALSE(logs.reconciler.finish().balanced());
    CHECK(logs.found() == Found{"twice a/5 at 0.7", "missing a/1 at 0.7: void",
                                "missing a/3 at 0.7: unknown", "missing a/4 at 0.7: unconfirmed",
                                "missing a/6 at 0.7: unknown"});
}

TEST_CASE("messages that a stream was told of later were missed in a cut-off", "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 120);
    logs.sent(2, "x", 140);
    logs.sent(3, "x", 180); // the stream was not told of this one
    logs.open(0, "x", 100);
    logs.got(0, "x", 121, 1, 1);
    logs.gap(0, "x", 160);
    logs.close(0, "x", 300);
    logs.reconciler.end_log();
    CHECK(logs.found() == Found{"missing a/2 at 0.0: cut-off told", "missing a/3 at 0.0: unknown"});
}

TEST_CASE("a gap covers the messages that are missing where it stands", "[reconciler]") {
    Comparison logs;
    for (std::uint64_t number = 1; number <= 5; ++number) {
        logs.sent(number, "x", 100 + 20 * number, number == 2 ? Fate::kVoid : Fate::kHeld);
    }
    logs.open(0, "x", 100);
    logs.got(0, "x", 121, 1, 1);
    SECTION("between the last message before them and the next one after them") {
        logs.gap(0, "x", 165);
        logs.got(0, "x", 181, 2, 4);
        logs.got(0, "x", 201, 3, 5);
        logs.close(0, "x", 300);
        CHECK(logs.found() ==
              Found{"missing a/2 at 0.0: void told", "missing a/3 at 0.0: cut-off told"});
        const ReconcileTotals& totals = logs.reconciler.finish();
        CHECK(totals.missing == 2);
        CHECK(totals.told == 2);
        CHECK(totals.gaps == 1);
        CHECK_FALSE(totals.balanced());
        CHECK(totals.balanced(true));
    }
    SECTION("not if it comes later") {
        logs.got(0, "x", 181, 2, 4);
        logs.gap(0, "x", 190);
        logs.got(0, "x", 201, 3, 5);
        logs.close(0, "x", 300);
        CHECK(logs.found() == Found{"missing a/2 at 0.0: void", "missing a/3 at 0.0: cut-off"});
        CHECK_FALSE(logs.reconciler.finish().balanced(true));
    }
    SECTION("not if they were sent after it") {
        logs.gap(0, "x", 150);
        logs.got(0, "x", 181, 2, 4);
        logs.got(0, "x", 201, 3, 5);
        logs.close(0, "x", 300);
        CHECK(logs.found() ==
              Found{"missing a/2 at 0.0: void told", "missing a/3 at 0.0: unknown"});
    }
    SECTION("also where no message follows") {
        logs.gap(0, "x", 185);
        logs.close(0, "x", 300);
        CHECK(logs.found() ==
              Found{"missing a/2 at 0.0: void told", "missing a/3 at 0.0: cut-off told",
                    "missing a/4 at 0.0: cut-off told", "missing a/5 at 0.0: unknown"});
    }
    SECTION("and covers nothing that comes twice or too late") {
        logs.gap(0, "x", 165);
        logs.got(0, "x", 181, 2, 4);
        logs.got(0, "x", 190, 3, 3);
        logs.got(0, "x", 191, 4, 3);
        logs.got(0, "x", 201, 5, 5);
        logs.close(0, "x", 300);
        CHECK(logs.found() == Found{"out-of-order a/3 at 0.0", "twice a/3 at 0.0",
                                    "missing a/2 at 0.0: void told"});
        CHECK_FALSE(logs.reconciler.finish().balanced(true));
    }
}

TEST_CASE("messages that the web node dropped show in the stream's numbers", "[reconciler]") {
    Comparison logs;
    for (std::uint64_t number = 1; number <= 4; ++number) {
        logs.sent(number, "x", 100 + 20 * number);
    }
    logs.open(0, "x", 100);
    logs.got(0, "x", 121, 1, 1);
    logs.got(0, "x", 190, 4, 4);
    logs.close(0, "x", 300);
    logs.reconciler.end_log();
    CHECK(logs.found() == Found{"missing a/2 at 0.0: dropped", "missing a/3 at 0.0: dropped"});
}

TEST_CASE("a stream that was not open misses nothing, and messages at its edges may be missing",
          "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 99);  // before
    logs.sent(2, "x", 109); // within the grace
    logs.sent(3, "x", 110); // due
    logs.sent(4, "x", 190); // due
    logs.sent(5, "x", 191); // within the grace
    logs.sent(6, "x", 201); // after
    logs.sent(7, "nobody", 150);
    logs.open(0, "x", 100);
    logs.close(0, "x", 200);
    logs.reconciler.end_log();
    const ReconcileTotals& totals = logs.reconciler.finish();
    CHECK(logs.found() == Found{"missing a/3 at 0.0: unknown", "missing a/4 at 0.0: unknown"});
    CHECK(totals.no_stream == 3);
    CHECK(totals.at_edge == 2);
}

TEST_CASE("a message may come before the stream is said to be open", "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 97);
    logs.sent(2, "x", 98);
    logs.sent(3, "x", 99);
    logs.sent(4, "x", 150);
    logs.open(0, "x", 100);
    logs.got(0, "x", 101, 1, 2);
    logs.got(0, "x", 101, 2, 3);
    logs.got(0, "x", 151, 3, 4);
    logs.got(0, "x", 152, 4, 1); // behind them all
    logs.close(0, "x", 200);
    logs.reconciler.end_log();
    CHECK(logs.found() == Found{"out-of-order a/1 at 0.0"});
    CHECK(logs.reconciler.finish().no_stream == 0);
}

TEST_CASE("out of order, twice, and both", "[reconciler]") {
    Comparison logs;
    for (std::uint64_t number = 1; number <= 4; ++number) {
        logs.sent(number, "x", 100 + 20 * number);
    }
    logs.open(0, "x", 100);
    logs.got(0, "x", 191, 1, 1);
    logs.got(0, "x", 191, 2, 3);
    logs.got(0, "x", 191, 3, 2);
    logs.got(0, "x", 191, 4, 2);
    logs.got(0, "x", 191, 5, 4);
    logs.got(0, "x", 191, 6, 1);
    logs.close(0, "x", 300);
    logs.reconciler.end_log();
    CHECK(logs.found() == Found{"out-of-order a/2 at 0.0", "twice a/2 at 0.0", "twice a/1 at 0.0"});
}

TEST_CASE("a message that was not sent to this id, and messages of others", "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 120);
    logs.sent(2, "y", 130);
    logs.open(0, "x", 100);
    logs.open(1, "other", 100);
    logs.got(0, "x", 121, 1, 1);
    logs.got(0, "x", 131, 2, 2);
    logs.got(0, "x", 132, 3, 9);
    logs.got(1, "other", 132, 1, 2);
    logs.got(0, "x", 133, 4, 1, "stranger");
    logs.got(0, "x", 134, 5, 0, "");
    logs.reconciler.end_log();
    CHECK(logs.found() == Found{"unsent a/2 at 0.0", "unsent a/9 at 0.0", "unsent a/2 at 0.1"});
    CHECK(logs.reconciler.finish().others == 2);
}

TEST_CASE("each log has streams of its own, and each sender an order of its own", "[reconciler]") {
    Comparison logs;
    logs.sent(1, "x", 120, Fate::kHeld, "a");
    logs.sent(2, "x", 140, Fate::kHeld, "a");
    logs.sent(1, "x", 130, Fate::kHeld, "b");
    for (int log = 0; log < 2; ++log) {
        logs.open(0, "x", 100);
        logs.got(0, "x", 150, 1, 1, "b");
        logs.got(0, "x", 150, 2, 1, "a");
        if (log == 0) {
            logs.got(0, "x", 150, 3, 2, "a");
        }
        logs.close(0, "x", 200);
        logs.reconciler.end_log();
    }
    CHECK(logs.found() == Found{"missing a/2 at 1.0: unknown"});
}

TEST_CASE("logs that contradict themselves are refused", "[reconciler]") {
    Reconciler reconciler(0, [](const Finding&) { FAIL("nothing to find"); });
    REQUIRE(reconciler.add_sent({"a", 5, "x", 1, 1, Fate::kHeld, 1}).ok());
    CHECK_FALSE(reconciler.add_sent({"a", 5, "x", 1, 1, Fate::kHeld, 1}).ok());
    CHECK_FALSE(reconciler.add_sent({"a", 4, "x", 1, 1, Fate::kHeld, 1}).ok());
    CHECK(reconciler.add_sent({"b", 4, "x", 1, 1, Fate::kHeld, 1}).ok());
    CHECK_FALSE(reconciler.add_received({What::kGot, 0, "x", 1, 1, "a", 5}).ok());
    CHECK_FALSE(reconciler.add_received({What::kClose, 0, "x", 1, 0, {}, 0}).ok());
    REQUIRE(reconciler.add_received({What::kOpen, 0, "y", 1, 0, {}, 0}).ok());
    CHECK_FALSE(reconciler.add_received({What::kOpen, 0, "y", 1, 0, {}, 0}).ok());
}

TEST_CASE("property: random losses, repeats and swaps are found as a plain comparison finds them",
          "[reconciler][property]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&random](std::size_t bound) { return random() % bound; };
    for (int run = 0; run < 200; ++run) {
        CAPTURE(run);
        Comparison logs;
        struct Message {
            std::uint64_t number;
            std::uint64_t time_ns;
        };
        std::map<std::string, std::vector<Message>> by_id;
        const std::size_t count = pick(80);
        for (std::uint64_t number = 1; number <= count; ++number) {
            const std::string id = std::to_string(pick(3));
            logs.sent(number, id, 100 + number * 5);
            by_id[id].push_back({number, 100 + number * 5});
        }
        std::multiset<std::string> expected;
        for (std::uint64_t stream = 0; stream < 4; ++stream) {
            const std::string id = std::to_string(pick(4));
            const std::uint64_t opened = 100 + pick(200);
            const std::uint64_t closed = opened + pick(400);
            const std::string where = " at 0." + std::to_string(stream);
            std::vector<std::uint64_t> arrivals;
            for (const Message& message : by_id[id]) {
                const bool open = opened <= message.time_ns && message.time_ns <= closed;
                if (open && pick(8) != 0) {
                    arrivals.insert(arrivals.end(), pick(10) == 0 ? 2 : 1, message.number);
                }
            }
            for (std::size_t i = 1; i < arrivals.size(); ++i) {
                if (pick(10) == 0) {
                    std::swap(arrivals[i - 1], arrivals[i]);
                }
            }
            logs.open(stream, id, opened);
            std::set<std::uint64_t> have;
            std::uint32_t on_stream = 0;
            for (const std::uint64_t number : arrivals) {
                logs.got(stream, id, closed, ++on_stream, number);
                const std::string name = " a/" + std::to_string(number) + where;
                if (have.contains(number)) {
                    expected.insert("twice" + name);
                } else if (!have.empty() && *have.rbegin() > number) {
                    expected.insert("out-of-order" + name);
                }
                have.insert(number);
            }
            logs.close(stream, id, closed);
            for (const Message& message : by_id[id]) {
                const bool due =
                    message.time_ns >= opened + kGrace && message.time_ns + kGrace <= closed;
                if (due && !have.contains(message.number)) {
                    expected.insert("missing a/" + std::to_string(message.number) + where +
                                    ": unknown");
                }
            }
        }
        logs.reconciler.end_log();
        const std::multiset<std::string> found(logs.found().begin(), logs.found().end());
        REQUIRE(found == expected);
        const ReconcileTotals& totals = logs.reconciler.finish();
        REQUIRE(totals.missing + totals.twice + totals.out_of_order == expected.size());
        REQUIRE(totals.balanced() == expected.empty());
    }
}

} // namespace reconciler_test

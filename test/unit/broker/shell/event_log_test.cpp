// Goal: an event is one line of the log, whatever texts a peer has sent.
#include "broker/shell/event_log.hpp"
#include "test/support/captured_log.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace event_log_test {

using namespace zcomet;
using namespace zcomet::broker;

TEST_CASE("a peer's text can neither end a log line nor forge a pair", "[event_log]") {
    const test::CapturedLog log;
    shell::EventLog events;
    router::RouterEvent refused;
    refused.kind = router::RouterEvent::Kind::kRefused;
    refused.name = "a\"b";
    refused.address = "10.0.0.1";
    refused.text = "no id: \"x\"\nevent=ready pid=1";
    events.write(refused, Time{});
    CHECK(log.text() == "event=refused code=malformed peer=\"a\\\"b\" address=10.0.0.1 "
                        "text=\"no id: \\\"x\\\"\\nevent=ready pid=1\" times=1\n");
}

TEST_CASE("a node that joins is a line with its name and address", "[event_log]") {
    const test::CapturedLog log;
    shell::EventLog events;
    router::RouterEvent joined;
    joined.name = "web1/1";
    joined.incarnation = 0xAB;
    joined.address = "10.0.0.2";
    events.write(joined, Time{});
    CHECK(log.text() ==
          "event=joined node=web1/1 incarnation=00000000000000ab address=10.0.0.2 ids=0\n");
}

TEST_CASE("a node that is gone is a line that says why", "[event_log]") {
    const test::CapturedLog log;
    shell::EventLog events;
    router::RouterEvent gone;
    gone.name = "web1/1";
    gone.incarnation = 0xAB;
    gone.address = "10.0.0.2";
    gone.count = 3;
    gone.kind = router::RouterEvent::Kind::kDied;
    events.write(gone, Time{});
    gone.kind = router::RouterEvent::Kind::kReplaced;
    events.write(gone, Time{});
    const std::string peer = " node=web1/1 incarnation=00000000000000ab address=10.0.0.2 ids=3 ";
    CHECK(log.text() == "event=died" + peer + "text=\"silent for --liveness-ms\"\nevent=replaced" +
                            peer + "text=\"a newer process has its name\"\n");
}

TEST_CASE("peers that come and go without end cause some lines a second, which say how many",
          "[event_log]") {
    const test::CapturedLog log;
    shell::EventLog events;
    router::RouterEvent left;
    left.kind = router::RouterEvent::Kind::kLeft;
    left.name = "n";
    Time now = Time{} + 1h;
    for (int i = 0; i < 100'000; ++i) {
        events.write(left, now);
    }
    const auto lines = [&] {
        const std::string text = log.text();
        return std::count(text.begin(), text.end(), '\n');
    };
    CHECK(lines() == 20);
    router::RouterEvent joined = left;
    joined.kind = router::RouterEvent::Kind::kJoined;
    events.write(joined, now); // another kind has its own limit
    CHECK(lines() == 21);
    now += 1s;
    events.write(left, now);
    CHECK(lines() == 22);
    CHECK(log.text().find(" times=99981\n") != std::string::npos);
}

TEST_CASE("a bound that gets near is a line that names its option", "[event_log]") {
    const test::CapturedLog log;
    shell::EventLog events;
    router::RouterEvent near;
    near.kind = router::RouterEvent::Kind::kNear;
    near.text = "ids-max";
    near.count = 80;
    near.bound = 100;
    events.write(near, Time{});
    CHECK(log.text() == "event=near-limit limit=ids-max used=80 of=100\n");
}

} // namespace event_log_test

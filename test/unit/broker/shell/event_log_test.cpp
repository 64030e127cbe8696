// Goal: an event is one line of the log, whatever texts a peer has sent.
#include "broker/shell/event_log.hpp"
#include "test/support/captured_log.hpp"

#include <catch2/catch.hpp>

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

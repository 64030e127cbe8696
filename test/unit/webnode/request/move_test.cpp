// Streams and connections of a node that ends: each format's way to send its clients elsewhere.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "webnode/stream/expiries.hpp"

#include <string>
#include <vector>

namespace move_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::request;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::Matches;
using Catch::Matchers::StartsWith;

namespace {

using Names = std::vector<std::string>;

std::string get(const std::string& target, const std::string& headers = {}) {
    return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

/// Streams may be behind.
constexpr connection::SlowReaders kPatient{.bytes_max = 1U << 20U};

struct Fixture {
    LoopFixture loop{{.slow = kPatient}};

    Browser open(const std::string& target, const std::string& headers = {}) {
        Browser browser = loop.connect(get(target, headers));
        static_cast<void>(browser.received()); // the head, if there is one yet
        REQUIRE(loop.presence.streams().stream_count() > 0);
        return browser;
    }
    /// More messages to "7" than its socket takes.
    void deliver_much() {
        const std::string large(60'000, 'x');
        loop.deliver({{"7", large}, {"7", large}, {"7", large}, {"7", large}, {"7", "small"}});
        REQUIRE(loop.connections.pending_bytes() > 0);
    }
    void move_all() {
        loop.connections.table().for_each_connection(
            [this](connection::Handle handle, connection::Connection& connection) {
                if (connection.parked()) {
                    loop.requests.move_stream(handle, connection, loop.now);
                }
            });
    }
    [[nodiscard]] std::size_t connections() { return loop.connections.table().connection_count(); }
};

} // namespace

TEST_CASE_METHOD(Fixture, "an EventSource is told to come back soon", "[move]") {
    const Browser browser = open("/events/7");
    move_all();
    const std::string end = browser.received();
    CHECK_THAT(end, Matches("b\r\nretry: [5-9][0-9][0-9]\n\r\n0\r\n\r\n"));
    CHECK(browser.ended());
    CHECK(connections() == 0);
    CHECK(loop.logouts == Names{"7"});
    CHECK(loop.count(slot::WorkerCounter::kStreamsMoved) == 1);
    CHECK(loop.count(slot::WorkerCounter::kStreamsCut) == 0);
}

TEST_CASE_METHOD(Fixture, "a comet page is told to load again, JSON lines just end", "[move]") {
    const Browser page = open("/test/7");
    const Browser lines = open("/lines/8");
    move_all();
    CHECK_THAT(page.received(),
               Matches("1b\r\n<script>move\\([5-9][0-9][0-9]\\)</script>\n\r\n0\r\n\r\n"));
    CHECK(lines.received() == "0\r\n\r\n");
    CHECK(page.ended());
    CHECK(lines.ended());
}

TEST_CASE_METHOD(Fixture, "a stream of HTTP/1.0 ends with its connection", "[move]") {
    const Browser browser = loop.connect("GET /lines/7 HTTP/1.0\r\n\r\n");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200"));
    move_all();
    CHECK(browser.received().empty());
    CHECK(browser.ended());
}

TEST_CASE_METHOD(Fixture, "a poll is answered, and its connection closes", "[move]") {
    loop.requests.close_connections();
    const Browser browser = open("/poll?id=7&wait=20");
    move_all();
    CHECK_THAT(browser.received(),
               StartsWith("HTTP/1.1 204 No Content\r\n") && Contains("\r\nConnection: close\r\n"));
    CHECK(browser.ended());
    CHECK(loop.logouts == Names{"7"});
    CHECK(loop.polls.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a stream that is behind gets all, and nothing behind its end",
                 "[move]") {
    const Browser browser = open("/lines/7");
    deliver_much();
    move_all();
    CHECK(loop.presence.streams().stream_count() == 0);
    CHECK(loop.logouts == Names{"7"});
    CHECK(connections() == 1); // it has to be written
    loop.deliver({{"7", "too late"}});
    std::string all;
    for (std::string some; !(some = browser.received()).empty(); loop.turn()) {
        all += some;
    }
    CHECK_THAT(all, EndsWith("\"data\":\"small\"}\n\r\n0\r\n\r\n"));
    CHECK(browser.ended());
    CHECK(connections() == 0);
    CHECK(loop.count(slot::WorkerCounter::kStreamsCut) == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksGiven) ==
          loop.count(slot::WorkerCounter::kChunksWritten));
}

TEST_CASE_METHOD(Fixture, "a stream that does not read its end is cut, and counted", "[move]") {
    const Browser browser = open("/lines/7");
    deliver_much();
    SECTION("a moved one has some time") {
        move_all();
        loop.pass(Requests::kFlushMax - 1s);
        CHECK(connections() == 1);
        loop.pass(1s);
    }
    SECTION("at the end of the worker") {
        loop.requests.end_all();
        loop.connections.table().for_each_connection(
            [this](connection::Handle handle, const connection::Connection&) {
                loop.connections.close(handle, connection::CloseReason::kDone);
            });
    }
    CHECK(connections() == 0);
    CHECK(loop.count(slot::WorkerCounter::kStreamsMoved) == 1);
    CHECK(loop.count(slot::WorkerCounter::kStreamsCut) == 1);
}

TEST_CASE_METHOD(Fixture, "a stream that has input to be read is not reset", "[move]") {
    const Browser browser = open("/lines/7");
    browser.send("?"); // no turn has read it yet
    move_all();
    CHECK(browser.received() == "0\r\n\r\n");
    CHECK(browser.ended()); // a reset would be an error
    CHECK(connections() == 1);
    loop.pass(Requests::kLingerMax);
    CHECK(connections() == 0);
    CHECK(loop.count(slot::WorkerCounter::kStreamsCut) == 0);
}

TEST_CASE_METHOD(Fixture, "a stream that was moved does not expire as well", "[move]") {
    stream::Expiries expiries(loop.connections, [this] { return loop.now; });
    loop.presence.tell_ends_to(expiries);
    const Browser browser = open("/lines/7");
    connection::ConnectionTable& table = loop.connections.table();
    expiries.begin(table.handle_of(0), 2s);
    deliver_much();
    move_all();
    REQUIRE(connections() == 1);
    loop.now += 3s;
    expiries.turn(loop.now, [](connection::Handle, connection::Connection&) { FAIL(); });
}

TEST_CASE_METHOD(Fixture, "connections close with their next answer, idle ones at once", "[move]") {
    const Browser idle = loop.connect(get("/nowhere"));
    CHECK_THAT(idle.received(), StartsWith("HTTP/1.1 404") && !Contains("Connection: close"));
    const Browser asks = loop.connect(get("/nowhere"));
    CHECK_THAT(asks.received(), StartsWith("HTTP/1.1 404"));
    const Browser halfway = loop.connect("GET /nowh");
    asks.send(get("/nowhere")); // no turn has read it yet
    loop.requests.close_connections();
    loop.connections.table().for_each_connection(
        [this](connection::Handle handle, connection::Connection& connection) {
            loop.requests.end_if_idle(handle, connection);
        });
    CHECK(idle.ended());
    CHECK_FALSE(asks.ended());
    CHECK_FALSE(halfway.ended());
    halfway.send("ere HTTP/1.1\r\nHost: h\r\n\r\n");
    loop.turn();
    for (const Browser* browser : {&asks, &halfway}) {
        CHECK_THAT(browser->received(),
                   StartsWith("HTTP/1.1 404") && Contains("\r\nConnection: close\r\n"));
        CHECK(browser->ended());
    }
    CHECK(connections() == 0);
}

TEST_CASE_METHOD(Fixture, "a node that is ending answers requests for streams at once", "[move]") {
    class Ending final : public Readiness {
      public:
        [[nodiscard]] std::string_view why_no_streams() const override {
            return "this node is ending";
        }
        [[nodiscard]] std::string_view why_not_ready() const override { return why_no_streams(); }
    } const ending;
    loop.requests.set_readiness(ending);
    loop.requests.close_connections();
    const Browser source = loop.connect(get("/events/7", "Accept: text/event-stream\r\n"));
    CHECK_THAT(source.received(), StartsWith("HTTP/1.1 200 OK\r\n") && Contains("retry: ") &&
                                      Contains("\r\nConnection: close\r\n"));
    CHECK(source.ended());
    const Browser lines = loop.connect(get("/lines/7"));
    CHECK_THAT(lines.received(), StartsWith("HTTP/1.1 503") && Contains("\r\nRetry-After: ") &&
                                     Contains("\r\nConnection: close\r\n"));
}

} // namespace move_test

// Requests as browsers (and worse clients) send them: whole, in pieces, several at once, never
// finished.
#include "test/unit/webnode/request/loop_fixture.hpp"

#include <array>
#include <random>
#include <stdexcept>

namespace requests_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::request;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

using Names = std::vector<std::string>;
constexpr std::string_view kStreamRequest = "GET /test/7 HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kPageRequest = "GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n";

/// Routes that take bodies, and the comet page.
std::vector<Route> echo_routes() {
    const auto echo = [](Exchange& exchange) {
        http::Reply reply;
        reply.text = exchange.request().body;
        exchange.answer(reply);
    };
    return {
        {{.method = "POST", .path = "/echo", .body_bytes_max = http::kRequestBodyBytesMax}, echo},
        {{.method = "POST", .path = "/small", .body_bytes_max = 1000}, echo},
        route::routes().front()};
}

std::size_t occurrences(const std::string& text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) {
        ++count;
    }
    return count;
}

} // namespace

TEST_CASE("a request for a stream opens one and logs its id in", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect(kStreamRequest);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 OK\r\n") && Contains("chunked"));
    CHECK(loop.logins == Names{"7"});
    CHECK(loop.presence.streams().stream_count() == 1);
    loop.turn();
    CHECK_FALSE(browser.ended());
}

TEST_CASE("only the first login and the last logout of an id are sent", "[requests]") {
    LoopFixture loop;
    Browser first = loop.open_stream("7");
    Browser second = loop.open_stream("7");
    CHECK(loop.logins == Names{"7"});
    first.leave();
    loop.turn();
    CHECK(loop.logouts.empty());
    second.leave();
    loop.turn();
    CHECK(loop.logouts == Names{"7"});
    CHECK(loop.connections.table().connection_count() == 0);
    CHECK(loop.count(slot::WorkerCounter::kPeerCloses) == 2);
}

TEST_CASE("a browser that ends its half of a stream has left", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.open_stream("7");
    browser.end_half();
    loop.turn();
    CHECK(loop.logouts == Names{"7"});
    CHECK(browser.ended());
}

TEST_CASE("a browser that is gone before its answer is logged out again", "[requests]") {
    LoopFixture loop;
    Browser browser = loop.connect();
    browser.send(kStreamRequest);
    browser.leave();
    loop.turn();
    CHECK(loop.logins == loop.logouts);
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("a request may come in pieces of any size", "[requests]") {
    LoopFixture loop;
    const auto size = GENERATE(range<std::size_t>(1, 40));
    const Browser browser = loop.connect();
    for (std::string_view rest = kStreamRequest; !rest.empty();) {
        CHECK(loop.logins.empty());
        browser.send(rest.substr(0, size));
        rest.remove_prefix(std::min(size, rest.size()));
        loop.turn();
    }
    CHECK(loop.logins == Names{"7"});
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("several requests in one read are answered in their order", "[requests]") {
    LoopFixture loop;
    std::string requests;
    for (int i = 0; i < 3; ++i) {
        requests += kPageRequest;
    }
    requests += kStreamRequest;
    const Browser browser = loop.connect(requests);
    const std::string answers = browser.received();
    CHECK(occurrences(answers, "HTTP/1.1 404") == 3);
    CHECK(answers.find("HTTP/1.1 200") > answers.rfind("HTTP/1.1 404"));
    CHECK(loop.count(slot::WorkerCounter::kRequests) == 4);
    CHECK(loop.count(slot::WorkerCounter::kResponses4xx) == 3);
    CHECK(loop.count(slot::WorkerCounter::kResponses2xx) == 1);
}

TEST_CASE("a connection is kept for the next request, for a while", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect(kPageRequest);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404"));
    loop.pass(Requests::kIdleMax - 1s);
    browser.send(kPageRequest);
    loop.turn();
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404"));
    loop.pass(Requests::kIdleMax - 1s);
    CHECK_FALSE(browser.ended());
    loop.pass(2s);
    CHECK(browser.ended());
    CHECK(loop.count(slot::WorkerCounter::kDeadlineCloses) == 0);
}

TEST_CASE("a request that is not finished is answered with 408", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect("GET /te");
    loop.pass(LoopFixture::kDeadline - 1s);
    browser.send("st"); // a byte now and then does not extend the deadline
    loop.pass(1s);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 408"));
    CHECK(loop.count(slot::WorkerCounter::kDeadlineCloses) == 1);
    loop.pass(Requests::kLingerMax);
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("a connection without a request is closed without an answer", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect();
    loop.pass(LoopFixture::kDeadline);
    CHECK(browser.ended());
    CHECK(loop.count(slot::WorkerCounter::kDeadlineCloses) == 1);
    CHECK(loop.count(slot::WorkerCounter::kRequests) == 0);
}

TEST_CASE("the next request of a connection has a deadline of its own", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect("GET /nowh");
    loop.pass(LoopFixture::kDeadline - 1s);
    browser.send("ere HTTP/1.1\r\nHost: h\r\n\r\nGET /mo"); // and the beginning of another
    loop.pass(2s);
    const std::string answers = browser.received();
    CHECK(occurrences(answers, "HTTP/1.1 404") == 1);
    CHECK(occurrences(answers, "HTTP/1.1 408") == 0);
    loop.pass(LoopFixture::kDeadline);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 408"));
}

TEST_CASE("a request that is too long is refused, and the browser can read why", "[requests]") {
    LoopFixture loop;
    const Browser browser =
        loop.connect("GET / HTTP/1.1\r\nX: " + std::string(http::kHeaderLineBytesMax + 1, 'x'));
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 431"));
    CHECK(browser.ended());        // no more answers come,
    browser.send("still sending"); // but what the browser sends does no harm
    loop.turn();
    browser.end_half();
    loop.turn();
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("bytes that are not HTTP are refused", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect("\x16\x03\x01\x02\x01");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 400"));
    loop.pass(Requests::kLingerMax);
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("a client that waits for 100 Continue gets it once", "[requests]") {
    LoopFixture loop{echo_routes()};
    const Browser browser =
        loop.connect("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                     "Content-Length: 3\r\n\r\n");
    CHECK(browser.received() == http::kContinue);
    browser.send("ab");
    loop.turn();
    CHECK(browser.received().empty());
    browser.send("c");
    loop.turn();
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200") && EndsWith("\r\n\r\nabc"));
}

TEST_CASE("a body that no route takes is refused before it is read", "[requests]") {
    LoopFixture loop{echo_routes()};
    const auto [path, length, status] = GENERATE(values<std::array<const char*, 3>>({
        {"/nowhere", "5", "HTTP/1.1 404"},
        {"/nowhere", "1048576", "HTTP/1.1 404"},
        {"/test/7", "5", "HTTP/1.1 404"},
        {"/small", "1001", "HTTP/1.1 413"},
    }));
    CAPTURE(path);
    const Browser browser = loop.connect(std::string("POST ") + path +
                                         " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                                         "Content-Length: " +
                                         length + "\r\n\r\n");
    CHECK_THAT(browser.received(), StartsWith(status) && Contains("Connection: close"));
    CHECK(browser.ended());
    for (int i = 0; i < 10; ++i) { // it is not kept, and does no harm
        browser.send(std::string(100'000, 'b'));
        loop.turn();
    }
    CHECK(loop.requests.unfinished_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kRequests) == 1);
    CHECK(loop.count(slot::WorkerCounter::kResponses4xx) == 1);
    loop.pass(Requests::kLingerMax);
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("a stream is not opened by a request with a body", "[requests]") {
    LoopFixture loop;
    const Browser browser =
        loop.connect("GET /test/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 413") && Contains("takes no body"));
    CHECK(loop.logins.empty());
}

TEST_CASE("a large body is read to its end, turn by turn", "[requests]") {
    LoopFixture loop{echo_routes()};
    const std::string body(http::kRequestBodyBytesMax, 'b');
    const Browser browser = loop.connect("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                                         std::to_string(body.size()) + "\r\n\r\n");
    constexpr std::size_t kPieceBytes = 100'000; // what a socket pair holds
    for (std::string_view rest = body; !rest.empty();) {
        browser.send(rest.substr(0, kPieceBytes));
        rest.remove_prefix(std::min(kPieceBytes, rest.size()));
        CHECK(loop.requests.unfinished_bytes() >= body.size() - rest.size() - kPieceBytes);
        loop.turn();
    }
    CHECK(loop.requests.unfinished_bytes() == 0);
    std::string answer = browser.received();
    for (std::string more = answer; !more.empty(); answer += more) {
        loop.turn();
        more = browser.received();
    }
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200") && EndsWith("bbb"));
}

namespace {

/// A worker whose unfinished requests may take 100,000 bytes together.
struct NarrowFixture {
    static constexpr std::size_t kBytesMax = 100'000;
    LoopFixture loop{{.requests = {.deadline = LoopFixture::kDeadline, .bytes_max = kBytesMax}},
                     echo_routes()};

    /// A browser that has sent the beginning of a request.
    Browser begin(std::size_t bytes) {
        Browser browser = loop.connect("POST /echo HTTP/1.1\r\nHost: h\r\n"
                                       "Content-Length: 1000000\r\n\r\n" +
                                       std::string(bytes, 'x'));
        CHECK(loop.requests.unfinished_bytes() <= kBytesMax);
        return browser;
    }
};

} // namespace

TEST_CASE("unfinished requests have one bound: the largest go, the oldest of these first",
          "[requests][memory]") {
    NarrowFixture narrow;
    LoopFixture& loop = narrow.loop;
    const Browser small = loop.connect("GET /nowh");
    const Browser large = narrow.begin(30'000);
    const Browser larger = narrow.begin(40'000);
    CHECK(loop.count(slot::WorkerCounter::kRequestsShed) == 0);
    const Browser as_large = narrow.begin(40'000);
    CHECK(loop.count(slot::WorkerCounter::kRequestsShed) == 1);
    CHECK_THAT(larger.received(), StartsWith("HTTP/1.1 503") && Contains("Connection: close"));
    CHECK(larger.ended());
    CHECK(large.received().empty());
    CHECK(as_large.received().empty());
    const Browser largest = narrow.begin(60'000); // the one in hand is the largest
    CHECK_THAT(largest.received(), StartsWith("HTTP/1.1 503"));
    CHECK(loop.count(slot::WorkerCounter::kRequestsShed) == 2);
    CHECK(loop.count(slot::WorkerCounter::kResponses5xx) == 2);
    small.send("ere HTTP/1.1\r\nHost: h\r\n\r\n");
    loop.turn();
    CHECK_THAT(small.received(), StartsWith("HTTP/1.1 404"));
    loop.pass(LoopFixture::kDeadline);
    CHECK(loop.requests.unfinished_bytes() == 0);
}

TEST_CASE("property: unfinished requests stay within their bound, and it is all accounted for",
          "[requests][memory]") {
    const auto seed = GENERATE(31U, 32U, 33U);
    CAPTURE(seed);
    std::mt19937 random(seed);
    NarrowFixture narrow;
    LoopFixture& loop = narrow.loop;
    std::vector<Browser> browsers;
    for (int round = 0; round < 2000; ++round) {
        switch (random() % 4) {
        case 0:
            browsers.push_back(narrow.begin(random() % 20'000));
            break;
        case 1:
            browsers.push_back(loop.connect(random() % 2 == 0 ? "GET /" : ""));
            break;
        case 2:
            if (!browsers.empty()) {
                std::swap(browsers[random() % browsers.size()], browsers.back());
                browsers.pop_back();
            }
            break;
        default:
            if (!browsers.empty()) {
                browsers[random() % browsers.size()].send_or_not(std::string(random() % 9000, 'y'));
            }
        }
        loop.pass(random() % 100 * 1ms);
        REQUIRE(loop.requests.unfinished_bytes() <= NarrowFixture::kBytesMax);
    }
    CHECK(loop.count(slot::WorkerCounter::kRequestsShed) > 0);
    browsers.clear();
    loop.turn();
    CHECK(loop.requests.unfinished_bytes() == 0);
}

TEST_CASE("a browser's input on an open stream is discarded, and ends it when it is too much",
          "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.open_stream("7");
    const Browser other = loop.open_stream("8");
    const std::size_t piece = GENERATE(1024U, 16'384U, 65'536U);
    for (std::size_t sent = 0; sent < 65'536; sent += piece) {
        browser.send(std::string(piece, 'x'));
        loop.turn();
    }
    loop.deliver({{"7", "hello"}});
    CHECK_THAT(browser.received(), Contains("hello"));
    CHECK(loop.count(slot::WorkerCounter::kInputCloses) == 0);
    browser.send("y");
    loop.turn();
    CHECK(browser.received() == "0\r\n\r\n");
    CHECK(browser.ended());
    CHECK(loop.logouts == Names{"7"});
    CHECK(loop.count(slot::WorkerCounter::kInputCloses) == 1);
    // The next stream in the same slot begins anew.
    const Browser next = loop.open_stream("9");
    next.send(std::string(65'536, 'x'));
    loop.turn();
    CHECK(loop.presence.streams().stream_count() == 2);
}

namespace {

/// A node that takes no streams for now.
struct Closed final : Readiness {
    bool is_open = false;
    std::string_view why_no_streams() const override { return is_open ? "" : "closed today"; }
    std::string_view why_not_ready() const override { return why_no_streams(); }
};

} // namespace

TEST_CASE("streams can be refused, and ended one by one", "[requests]") {
    LoopFixture loop;
    const Browser reads = loop.open_stream("7");
    const Browser behind = loop.open_stream("8");
    const Browser idle = loop.connect(kPageRequest);
    CHECK_THAT(idle.received(), StartsWith("HTTP/1.1 404"));
    while (loop.connections.pending_bytes() == 0) {
        loop.deliver({{"8", std::string(1000, 'x')}});
    }
    Closed closed;
    loop.requests.set_readiness(closed);
    loop.connections.table().for_each_connection(
        [&](connection::Handle handle, connection::Connection& connection) {
            loop.requests.end_if_stream(handle, connection);
        });
    CHECK(reads.received() == "0\r\n\r\n");
    CHECK(reads.ended());
    CHECK(loop.presence.streams().stream_count() == 0); // also the one that does not read
    CHECK(loop.connections.pending_bytes() == 0);
    idle.send(kPageRequest);
    idle.send(kStreamRequest);
    loop.turn();
    CHECK_THAT(idle.received(), StartsWith("HTTP/1.1 404") && Contains("HTTP/1.1 503") &&
                                    Contains("\r\nRetry-After: 5\r\n") &&
                                    Contains("503 Service Unavailable: closed today\n"));
    CHECK(loop.count(slot::WorkerCounter::kStreamsRefused) == 1);
    const Browser asks_for_head = loop.connect("HEAD /test/8 HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_THAT(asks_for_head.received(), StartsWith("HTTP/1.1 503"));
    CHECK(loop.logins == Names{"7", "8"});
    closed.is_open = true;
    static_cast<void>(loop.open_stream("9"));
}

TEST_CASE("a stream's connection costs no record once it is parked", "[requests]") {
    LoopFixture loop;
    const Browser browser = loop.connect("GET /test");
    browser.send("/7 HTTP/1.1\r\nHost: h\r\n\r\n");
    loop.turn();
    loop.connections.table().for_each_connection(
        [&](connection::Handle, connection::Connection& connection) {
            CHECK(connection.output == store::kNoIndex);
            CHECK(connection.input() == store::kNoIndex);
        });
    loop.pass(LoopFixture::kDeadline); // the request's deadline no longer counts
    CHECK(loop.presence.streams().stream_count() == 1);
}

namespace {

constexpr std::string_view kLaterRequest = "POST /later HTTP/1.1\r\nHost: h\r\n"
                                           "Content-Length: 0\r\n\r\n";

/// A worker with a route that answers later, and the comet page.
struct LaterFixture {
    std::vector<Ticket> tickets;
    LoopFixture loop{std::vector<Route>{
        {{.method = "POST", .path = "/later"},
         [this](Exchange& exchange) { tickets.push_back(exchange.later()); }},
        {{.method = "GET", .path = "/silent"}, [](Exchange&) {}},
        {{.method = "GET", .path = "/changes-its-mind"},
         [](Exchange& exchange) {
             static_cast<void>(exchange.later());
             throw std::runtime_error("no");
         }},
        route::routes().front(),
    }};

    bool finish(std::string text, int status = 200) {
        http::Reply reply;
        reply.status = status;
        reply.text = std::move(text);
        return loop.requests.finish(tickets.back(), reply, loop.now);
    }
};

} // namespace

TEST_CASE("an answer may come later", "[requests][later]") {
    LaterFixture later;
    const Browser browser = later.loop.connect(kLaterRequest);
    later.loop.pass(Requests::kLaterMax - 1s);
    CHECK(browser.received().empty());
    CHECK(later.loop.count(slot::WorkerCounter::kRequests) == 1);
    CHECK(later.loop.count(slot::WorkerCounter::kResponses2xx) == 0);
    CHECK(later.finish("done"));
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 OK\r\n") && Contains("\r\n\r\ndone"));
    CHECK(later.loop.count(slot::WorkerCounter::kResponses2xx) == 1);
    CHECK_FALSE(later.finish("again")); // the ticket is stale
    browser.send(kPageRequest);
    later.loop.turn();
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404"));
    later.loop.pass(Requests::kIdleMax);
    CHECK(browser.ended());
}

TEST_CASE("an answer that comes too late does no harm: 504 was given", "[requests][later]") {
    LaterFixture later;
    const Browser browser = later.loop.connect(kLaterRequest);
    later.loop.pass(Requests::kLaterMax);
    CHECK_THAT(browser.received(),
               StartsWith("HTTP/1.1 504 Gateway Timeout\r\n") && Contains("Connection: close"));
    CHECK(browser.ended());
    CHECK_FALSE(later.finish("too late"));
    CHECK(later.loop.connections.table().connection_count() == 0);
    CHECK(later.loop.count(slot::WorkerCounter::kResponses5xx) == 1);
}

TEST_CASE("a browser that leaves before its later answer is gone", "[requests][later]") {
    LaterFixture later;
    Browser browser = later.loop.connect(kLaterRequest);
    later.loop.turn();
    SECTION("it closes") {
        browser.leave();
    }
    SECTION("it ends its half") {
        browser.end_half();
    }
    SECTION("it sends more, and closes") {
        browser.send("GET /nowh");
        browser.leave();
    }
    later.loop.turn();
    CHECK(later.loop.connections.table().connection_count() == 0);
    CHECK(later.loop.count(slot::WorkerCounter::kPeerCloses) == 1);
    CHECK_FALSE(later.finish("nobody reads it"));
    // Nor does it reach the next connection in the same slot.
    const Browser other = later.loop.connect(kLaterRequest);
    const Ticket ticket = later.tickets.back();
    later.tickets.pop_back();
    CHECK_FALSE(later.finish("nobody reads it"));
    CHECK(other.received().empty());
    later.tickets.push_back(ticket);
    CHECK(later.finish("mine"));
    CHECK_THAT(other.received(), Contains("mine"));
}

TEST_CASE("a browser may leave together with its request", "[requests][later]") {
    LaterFixture later;
    const Browser browser = later.loop.connect();
    browser.send(kLaterRequest);
    browser.end_half();
    later.loop.turn();
    CHECK(later.loop.connections.table().connection_count() == 0);
    CHECK_FALSE(later.finish("nobody reads it"));
}

TEST_CASE("requests after a later answer wait for it, and keep their order", "[requests][later]") {
    LaterFixture later;
    const bool in_one_read = GENERATE(true, false);
    const std::string behind =
        std::string(kPageRequest) + std::string(kLaterRequest) + std::string(kStreamRequest);
    const Browser browser =
        later.loop.connect(std::string(kLaterRequest) + (in_one_read ? behind : ""));
    if (!in_one_read) {
        browser.send(behind);
    }
    later.loop.turn();
    CHECK(browser.received().empty());
    REQUIRE(later.tickets.size() == 1);
    CHECK(later.finish("one"));
    const std::string answers = browser.received();
    CHECK(answers.find("HTTP/1.1 404") > answers.find("\r\n\r\none"));
    CHECK(occurrences(answers, "HTTP/1.1 ") == 2);
    REQUIRE(later.tickets.size() == 2);
    std::swap(later.tickets[0], later.tickets[1]);
    CHECK_FALSE(later.finish("one again"));
    std::swap(later.tickets[0], later.tickets[1]);
    CHECK(later.finish("two"));
    CHECK_THAT(browser.received(), Contains("\r\n\r\ntwoHTTP/1.1 200 OK"));
    CHECK(later.loop.logins == Names{"7"});
}

TEST_CASE("more requests than one read takes may follow a later answer", "[requests][later]") {
    LaterFixture later;
    const Browser browser = later.loop.connect(kPageRequest); // which is watched from then on
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404"));
    const std::string page =
        "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(4000, 'x') + "\r\n\r\n";
    constexpr std::size_t kPages = 17;
    std::string all(kLaterRequest);
    for (std::size_t i = 0; i < kPages; ++i) {
        all.append(page);
    }
    REQUIRE(all.size() > 66'000); // of which one read takes 65,536
    browser.send(all);
    later.loop.turn();
    CHECK(later.finish("one"));
    CHECK(occurrences(browser.received(), "HTTP/1.1 ") == 1 + kPages);
}

TEST_CASE("a later answer closes the connection where the request wants it", "[requests][later]") {
    LaterFixture later;
    const Browser browser = later.loop.connect("POST /later HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
    CHECK(later.finish("done"));
    CHECK_THAT(browser.received(), Contains("\r\nConnection: close\r\n"));
    CHECK(browser.ended());
}

TEST_CASE("requests after a later answer that closes do not reset the connection",
          "[requests][later]") {
    LaterFixture later;
    const Browser browser = later.loop.connect(kLaterRequest);
    browser.send(kPageRequest);
    later.loop.turn();
    SECTION("it comes too late") {
        later.loop.pass(Requests::kLaterMax);
        CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 504"));
    }
    SECTION("the worker drains") {
        later.loop.requests.end_all();
        CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 503"));
    }
    CHECK(browser.ended()); // a reset would be an error
    later.loop.pass(Requests::kLingerMax);
    CHECK(later.loop.connections.table().connection_count() == 0);
}

TEST_CASE("a drain answers waiting requests", "[requests][later]") {
    LaterFixture later;
    const Browser waits = later.loop.connect(kLaterRequest);
    const Browser reads = later.loop.connect("GET /nowh");
    const Browser stream = later.loop.open_stream("7");
    later.loop.requests.end_all();
    CHECK_THAT(waits.received(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(waits.ended());
    CHECK(reads.ended());
    CHECK(stream.received() == "0\r\n\r\n");
    CHECK(stream.ended());
    CHECK_FALSE(later.finish("too late"));
    CHECK(later.loop.connections.table().connection_count() == 0);
    CHECK(later.loop.logouts == Names{"7"});
}

TEST_CASE("a route that decides nothing, or fails, is answered with 500", "[requests][later]") {
    LaterFixture later;
    const std::string path = GENERATE("/silent", "/changes-its-mind");
    const Browser browser = later.loop.connect("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 500"));
    CHECK(browser.ended());
    CHECK(later.loop.connections.table().connection_count() == 0);
}

} // namespace requests_test

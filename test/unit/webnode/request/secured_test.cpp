// Goal: a port that speaks TLS treats its connections as one that does not, whatever comes in
// whichever pieces, and keeps little for them. Method: OpenSSL's client on the other end of a
// socket pair; the loop's clock stands still, so handshakes take no time.
#include "test/unit/topology/tls/tls_client.hpp"
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "topology/base/wall_clock.hpp"
#include "topology/net/ip_address.hpp"
#include "webnode/connection/clients.hpp"
#include "webnode/connection/secured.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace secured_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::request;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string kStream = "GET /test/7 HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kHealth = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";

std::shared_ptr<const tls::ServerContext> context_for(const std::string& host) {
    static const std::shared_ptr<tls::TicketKeys> tickets = std::make_shared<tls::TicketKeys>(
        tls::TicketKeys::of(tls::TicketKeys::make_secret(wall_clock_s()), wall_clock_s()).value());
    return tls::ServerContext::make({tls::make_certificate(host)}, tickets).value();
}

struct Secure : LoopFixture {
    explicit Secure(const Limits& limits = {}) : LoopFixture(limits) {
        connections.secure(secured);
    }
    connection::Secured secured{context_for("a.example"), [this] { return time; }};
    Time time = Time(); // that handshakes see
};

/// A browser that speaks TLS.
struct TlsBrowser {
    explicit TlsBrowser(LoopFixture& in, const tls::TlsClientOptions& options = {})
        : loop(in), client(options), browser([this] {
              client.take({});
              return loop.connect(client.to_send());
          }()) {
        exchange();
        exchange();
    }
    void exchange() {
        loop.turn();
        client.take(browser.received());
        send();
    }
    void send() const {
        if (const std::string bytes = client.to_send(); !bytes.empty()) {
            browser.send(bytes);
        }
        loop.turn();
    }
    void say(std::string_view text) const {
        client.write(text);
        send();
    }
    [[nodiscard]] std::string received() {
        client.take(browser.received());
        return client.read();
    }
    LoopFixture& loop;
    tls::TlsClient client;
    Browser browser;
};

} // namespace

TEST_CASE("a stream on a TLS port gets its messages", "[tls]") {
    const int version = GENERATE(TLS1_3_VERSION, TLS1_2_VERSION);
    Secure loop;
    TlsBrowser browser(loop, {.version = version});
    REQUIRE(browser.client.is_done());
    browser.say(kStream);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(loop.logins == std::vector<std::string>{"7"});
    loop.deliver({{"7", "hello"}});
    CHECK_THAT(browser.received(), Contains("Recvd msg #1: 'hello'"));
    CHECK(loop.count(slot::WorkerCounter::kTlsHandshakes) == 1);
    CHECK(loop.count(slot::WorkerCounter::kTlsFailures) == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) == 1);
    CHECK(loop.secured.handshake_bytes() == 0);
    CHECK(loop.requests.unfinished_bytes() == 0);
    browser.browser.leave();
    loop.turn();
    CHECK(loop.connections.table().connection_count() == 0);
    CHECK(loop.logouts == std::vector<std::string>{"7"});
}

TEST_CASE("requests on one TLS connection are answered in their order, and it ends orderly",
          "[tls]") {
    Secure loop;
    TlsBrowser browser(loop);
    browser.say(kHealth);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
    browser.say(kHealth + kHealth);
    const std::string two = browser.received();
    CHECK(two.find("HTTP/1.1 200", 5) != std::string::npos);
    browser.say("GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404 "));
    CHECK(browser.client.ended()); // close_notify, and not only the end of the connection
    CHECK(browser.browser.ended());
}

TEST_CASE("a client changes its keys on an open stream, and asks for ours to change", "[tls]") {
    Secure loop;
    TlsBrowser browser(loop);
    browser.say(kStream);
    static_cast<void>(browser.received());
    for (int i = 0; i < 3; ++i) {
        REQUIRE(SSL_key_update(browser.client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
        REQUIRE(SSL_do_handshake(browser.client.ssl()) == 1); // sends it
        browser.send();
        loop.deliver({{"7", "by a new key"}});
        CHECK_THAT(browser.received(), Contains("by a new key"));
    }
    CHECK_FALSE(browser.client.failed());
    CHECK(loop.connections.table().connection_count() == 1);
}

TEST_CASE("what comes byte by byte is served as well", "[tls]") {
    Secure loop;
    tls::TlsClient client;
    client.take({});
    const Browser browser = loop.connect();
    const auto trickle = [&] {
        for (const char byte : client.to_send()) {
            browser.send(std::string(1, byte));
            loop.turn();
        }
        client.take(browser.received());
    };
    trickle();
    trickle();
    REQUIRE(client.is_done());
    client.write(kStream);
    trickle();
    CHECK_THAT(client.read(), StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(loop.requests.unfinished_bytes() == 0);
}

TEST_CASE("a client that ends its half is gone", "[tls]") {
    Secure loop;
    TlsBrowser browser(loop);
    browser.say(kStream);
    SSL_shutdown(browser.client.ssl());
    browser.send();
    CHECK(loop.connections.table().connection_count() == 0);
    CHECK(loop.logouts == std::vector<std::string>{"7"});
}

TEST_CASE("plain HTTP at a TLS port is told so, and garbage is closed", "[tls]") {
    Secure loop;
    Browser browser = loop.connect(kHealth);
    CHECK_THAT(browser.received(),
               StartsWith("HTTP/1.1 400 ") && Contains("this port speaks https only"));
    CHECK(browser.ended());
    Browser garbage = loop.connect("\x01\x02\x03 garbage");
    CHECK(garbage.received().empty());
    CHECK(garbage.ended());
    Browser hello = loop.connect(std::string("\x16\x03\x01\x00\x05hello", 10));
    CHECK_THAT(hello.received(), StartsWith("\x15\x03")); // an alert
    CHECK(hello.ended());
    Browser long_one = loop.connect(std::string("\x16\x03\x01\xFF\xFFhello", 10));
    CHECK(long_one.ended());
    CHECK(loop.count(slot::WorkerCounter::kTlsFailures) == 4);
    CHECK(loop.connections.tls_failure() == "record too long");
    loop.pass(Requests::kLingerMax);
    CHECK(loop.connections.table().connection_count() == 0);
    CHECK(loop.requests.unfinished_bytes() == 0);
}

TEST_CASE("a handshake that stops is closed at the request's deadline", "[tls]") {
    Secure loop;
    tls::TlsClient client;
    client.take({});
    const std::string hello = client.to_send();
    const Browser nothing = loop.connect();
    const Browser half = loop.connect(std::string_view(hello).substr(0, 100));
    const Browser whole = loop.connect(hello);
    CHECK(loop.secured.handshake_bytes() == tls::Handshake::kBytes);
    CHECK(loop.requests.unfinished_bytes() >= tls::Handshake::kBytes + 100);
    loop.pass(LoopFixture::kDeadline - 1s);
    CHECK(loop.connections.table().connection_count() == 3);
    loop.pass(1s);
    CHECK(loop.connections.table().connection_count() == 0);
    CHECK(loop.secured.handshake_bytes() == 0);
    CHECK(loop.requests.unfinished_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kDeadlineCloses) == 3);
}

TEST_CASE("handshakes that stop have their bound in memory", "[tls]") {
    constexpr std::size_t kMost = 10;
    Secure loop({.requests = {.deadline = LoopFixture::kDeadline,
                              .bytes_max = kMost * tls::Handshake::kBytes}});
    std::vector<Browser> browsers;
    for (std::size_t i = 0; i < 3 * kMost; ++i) {
        tls::TlsClient client;
        client.take({});
        browsers.push_back(loop.connect(client.to_send()));
        CHECK(loop.requests.unfinished_bytes() <= kMost * tls::Handshake::kBytes);
    }
    CHECK(loop.count(slot::WorkerCounter::kRequestsShed) >= 2 * kMost);
    TlsBrowser honest(loop); // is the youngest
    honest.say(kHealth);
    CHECK_THAT(honest.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("beginnings of records have their bound in memory, on streams, too", "[tls]") {
    constexpr std::size_t kBytesMax = 100'000;
    Secure loop({.requests = {.deadline = LoopFixture::kDeadline, .bytes_max = kBytesMax}});
    std::vector<std::unique_ptr<TlsBrowser>> browsers;
    for (int i = 0; i < 20; ++i) {
        TlsBrowser& browser = *browsers.emplace_back(std::make_unique<TlsBrowser>(loop));
        browser.say(kStream);
        browser.browser.send(std::string("\x17\x03\x03\x40\x00", 5) + std::string(16'000, 'x'));
        loop.turn();
        CHECK(loop.requests.unfinished_bytes() <= kBytesMax);
    }
    CHECK(loop.count(slot::WorkerCounter::kRequestsShed) >= 10);
}

TEST_CASE("records that a full socket does not take are kept, and messages stay whole", "[tls]") {
    const auto policy =
        GENERATE(connection::SlowPolicy::kClose, connection::SlowPolicy::kDropOldest,
                 connection::SlowPolicy::kLatestOnly);
    Secure loop({.slow = {.bytes_max = 1U << 20U, .policy = policy, .patience = 0s}});
    TlsBrowser browser(loop);
    browser.say(kStream);
    static_cast<void>(browser.received());
    const std::string filler(2000, 'x');
    std::uint64_t given = 0;
    while (loop.connections.pending_bytes() < 300'000 && given < 2000) {
        loop.deliver({{"7", "<" + std::to_string(given) + ">" + filler}});
        ++given;
        if (policy == connection::SlowPolicy::kLatestOnly && given == 300) {
            break;
        }
    }
    const auto adds_up = [&] {
        return loop.count(slot::WorkerCounter::kChunksWritten) +
                   loop.count(slot::WorkerCounter::kChunksDropped) +
                   loop.count(slot::WorkerCounter::kChunksPending) ==
               given;
    };
    CHECK(loop.connections.pending_bytes() > 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) > 0);
    CHECK(adds_up());
    std::string all;
    for (int i = 0; i < 5000; ++i) {
        const std::string more = browser.received();
        all += more;
        loop.turn();
        if (more.empty() && loop.connections.pending_bytes() == 0) {
            break;
        }
    }
    CHECK(loop.connections.pending_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) == 0);
    CHECK(adds_up());
    // Each message that came is whole, and the newest is among them.
    std::size_t messages = 0;
    for (std::size_t at = all.find("Recvd msg"); at != std::string::npos;
         at = all.find("Recvd msg", at + 1)) {
        ++messages;
        const std::size_t end = all.find("'<br/>", at);
        REQUIRE(end != std::string::npos);
        CHECK(all.find("Recvd msg", at + 1) > end);
    }
    CHECK(messages == loop.count(slot::WorkerCounter::kChunksWritten));
    CHECK_THAT(all, Contains("&lt;" + std::to_string(given - 1) + "&gt;"));
    CHECK_FALSE(browser.client.failed());
}

TEST_CASE("messages in records that wait count as dropped when their stream ends", "[tls]") {
    Secure loop({.slow = {.bytes_max = 1U << 20U, .patience = 0s}});
    TlsBrowser browser(loop);
    browser.say(kStream);
    std::uint64_t given = 0;
    while (loop.connections.pending_bytes() < 100'000 && given < 2000) {
        loop.deliver({{"7", std::string(2000, 'x')}});
        ++given;
    }
    browser.browser.leave();
    loop.turn();
    CHECK(loop.connections.pending_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksPending) == 0);
    CHECK(loop.count(slot::WorkerCounter::kChunksWritten) +
              loop.count(slot::WorkerCounter::kChunksDropped) ==
          given);
    CHECK(loop.count(slot::WorkerCounter::kChunksDropped) > 0);
}

TEST_CASE("a large upload comes whole", "[tls]") {
    Secure loop;
    TlsBrowser browser(loop);
    const std::string body(200'000, 'b');
    browser.client.write("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
    browser.client.write(body);
    const std::string bytes = browser.client.to_send();
    for (std::size_t at = 0; at < bytes.size(); at += 50'000) {
        browser.browser.send(std::string_view(bytes).substr(at, 50'000));
        loop.turn();
    }
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404 "));
    CHECK(loop.requests.unfinished_bytes() == 0);
}

TEST_CASE("a stream that uploads over TLS is ended", "[tls]") {
    Secure loop;
    TlsBrowser browser(loop);
    browser.say(kStream);
    static_cast<void>(browser.received());
    for (int i = 0; i < 10 && loop.connections.table().connection_count() > 0; ++i) {
        browser.client.write(std::string(16'000, 'u'));
        browser.browser.send_or_not(browser.client.to_send());
        loop.turn();
    }
    CHECK(loop.count(slot::WorkerCounter::kInputCloses) == 1);
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("new certificates are for new connections, and end no stream", "[tls]") {
    Secure loop;
    TlsBrowser before(loop);
    before.say(kStream);
    static_cast<void>(before.received());
    loop.secured.use(context_for("b.example"));
    TlsBrowser after(loop);
    CHECK(before.client.host_seen() == "a.example");
    CHECK(after.client.host_seen() == "b.example");
    loop.deliver({{"7", "still"}});
    CHECK_THAT(before.received(), Contains("still"));
}

TEST_CASE("a turn has a bounded time for handshakes; the others come later", "[tls]") {
    Secure loop;
    Time slow = Time();
    connection::Secured secured(context_for("a.example"), [&slow] { return slow += 600us; });
    loop.connections.secure(secured);
    std::vector<std::unique_ptr<tls::TlsClient>> clients;
    std::vector<Browser> browsers;
    for (int i = 0; i < 10; ++i) {
        tls::TlsClient& client = *clients.emplace_back(std::make_unique<tls::TlsClient>());
        client.take({});
        browsers.push_back(loop.connect(client.to_send()));
    }
    CHECK(secured.handshake_bytes() == 4 * tls::Handshake::kBytes); // of 0.6 ms each
    for (int turn = 0; turn < 20; ++turn) {
        loop.now += 1ms;
        for (const epoll_event& event : loop.epoll.wait(loop.now, loop.now)) {
            loop.requests.on_event(connection::Handle::unpack(event.data.u64), event.events,
                                   loop.now);
        }
        loop.requests.sweep(loop.now);
        for (std::size_t i = 0; i < browsers.size(); ++i) {
            clients[i]->take(browsers[i].received());
            if (const std::string bytes = clients[i]->to_send(); !bytes.empty()) {
                browsers[i].send(bytes);
            }
        }
    }
    CHECK(loop.count(slot::WorkerCounter::kTlsHandshakes) == 10);
    for (const auto& client : clients) {
        CHECK(client->is_done());
    }
}

TEST_CASE("connections that wait for their handshake are not reported again and again", "[tls]") {
    Secure loop;
    Time slow = Time();
    connection::Secured secured(context_for("a.example"), [&slow] { return slow += 600us; });
    loop.connections.secure(secured);
    std::vector<Browser> browsers;
    for (int i = 0; i < 10; ++i) {
        tls::TlsClient client;
        client.take({});
        browsers.push_back(loop.connect(client.to_send()));
    }
    loop.turn();
    const auto under_way = [&secured] {
        return secured.handshake_bytes() / tls::Handshake::kBytes;
    };
    CHECK(under_way() == 4);
    for (const std::size_t wanted : {std::size_t{8}, std::size_t{10}}) {
        CHECK(loop.requests.due() == Time::min());
        loop.now += 1ms;
        CHECK(loop.epoll.wait(loop.now, loop.now).empty());
        loop.requests.sweep(loop.now);
        CHECK(under_way() == wanted);
    }
    CHECK(loop.requests.due() > loop.now);
    browsers.clear();
    loop.turn();
    CHECK(secured.handshake_bytes() == 0);
}

TEST_CASE("a connection that ends while it waits for its handshake is forgotten", "[tls]") {
    Secure loop;
    Time slow = Time();
    connection::Secured secured(context_for("a.example"), [&slow] { return slow += 3ms; });
    loop.connections.secure(secured);
    tls::TlsClient client;
    client.take({});
    const std::string hello = client.to_send();
    const Browser first = loop.connect(hello);
    { const Browser second = loop.connect(hello); }
    const Browser third = loop.connect(hello);
    loop.turn();
    CHECK(loop.connections.table().connection_count() == 2);
    loop.now += 1ms;
    loop.requests.sweep(loop.now);
    CHECK(secured.handshake_bytes() == 2 * tls::Handshake::kBytes);
    CHECK(loop.requests.due() > loop.now);
}

TEST_CASE("a ticket goes out with the answer to a request that came with the handshake's end",
          "[tls]") {
    Secure loop;
    tls::TlsClient client;
    client.take({});
    const Browser browser = loop.connect(client.to_send());
    client.take(browser.received());
    SECTION("and the answer comes at once") {
        client.write(kStream);
        browser.send(client.to_send());
        loop.turn();
        const std::string both = browser.received();
        CHECK(tls::whole_records(both).bytes == both.size());
        client.take(both);
        CHECK_THAT(client.read(), StartsWith("HTTP/1.1 200 OK\r\n"));
        CHECK(client.session() != nullptr);
        loop.deliver({{"7", "hello"}});
        client.take(browser.received());
        CHECK_THAT(client.read(), Contains("hello"));
    }
    SECTION("and the request is not complete") {
        client.write("GET /test/7 HTTP/1.1\r\n");
        browser.send(client.to_send());
        loop.turn();
        client.take(browser.received());
        CHECK(client.read().empty());
        CHECK(client.session() != nullptr); // it does not wait for the rest
    }
    SECTION("and the request is refused, and the connection ended") {
        client.write("nonsense\r\n\r\n");
        browser.send(client.to_send());
        loop.turn();
        client.take(browser.received());
        CHECK_THAT(client.read(), StartsWith("HTTP/1.1 400 "));
        CHECK(client.ended());
        CHECK(client.session() != nullptr);
    }
}

TEST_CASE("the PROXY header comes before all that is encrypted", "[tls]") {
    Secure loop;
    connection::Clients clients({{net::AddressRange::read("10.0.0.0/8").value()}, true});
    std::vector<std::string> places;
    loop.requests.set_clients(
        clients, [&](connection::Connection&, const std::optional<net::IpAddress>& client, Time) {
            places.push_back(client ? net::text_of(*client) : "-");
            return true;
        });
    const std::string header =
        std::string("\r\n\r\n\0\r\nQUIT\n", 12) + "\x21" +
        std::string("\x11\x00\x0C\xC0\x00\x02\x07\x0A\x00\x00\x01\x9C\x40\x1F\x40", 15);
    tls::TlsClient client;
    client.take({});
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Browser browser(ends[1]);
    const std::string bytes = header + client.to_send();
    browser.send(bytes.substr(0, 20));
    REQUIRE(clients.begin(ends[0],
                          net::socket_address_of(net::read_ip_address("10.0.0.1").value(), 1234)));
    loop.requests.on_accepted(ends[0], loop.now);
    loop.turn();
    browser.send(bytes.substr(20));
    for (int i = 0; i < 3; ++i) {
        loop.turn();
        client.take(browser.received());
        if (const std::string more = client.to_send(); !more.empty()) {
            browser.send(more);
        }
    }
    REQUIRE(client.is_done());
    client.write(kStream);
    browser.send(client.to_send());
    loop.turn();
    client.take(browser.received());
    CHECK_THAT(client.read(), StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(places == std::vector<std::string>{"192.0.2.7"});
}

TEST_CASE("a half PROXY header on a TLS port is closed without words at the deadline", "[tls]") {
    Secure loop;
    connection::Clients clients({{net::AddressRange::read("10.0.0.0/8").value()}, true});
    loop.requests.set_clients(
        clients,
        [](connection::Connection&, const std::optional<net::IpAddress>&, Time) { return true; });
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    Browser browser(ends[1]);
    browser.send(std::string("\r\n\r\n\0\r\nQUIT\n", 12));
    REQUIRE(clients.begin(ends[0],
                          net::socket_address_of(net::read_ip_address("10.0.0.1").value(), 1234)));
    loop.requests.on_accepted(ends[0], loop.now);
    CHECK(loop.requests.unfinished_bytes() >= 12);
    loop.pass(LoopFixture::kDeadline);
    CHECK(browser.received().empty()); // a word in plain text would be no TLS
    CHECK(browser.ended());
    CHECK(loop.requests.unfinished_bytes() == 0);
    CHECK(loop.count(slot::WorkerCounter::kDeadlineCloses) == 1);
}

TEST_CASE("a parked TLS stream keeps its keys and no more", "[tls]") {
    constexpr std::size_t kStreams = 2000;
    constexpr std::size_t kBytesMax = 300; // of a stream
    Secure loop;
    std::vector<std::unique_ptr<TlsBrowser>> browsers;
    for (std::size_t i = 0; i < kStreams / 10; ++i) {
        browsers.push_back(std::make_unique<TlsBrowser>(loop));
        browsers.back()->say(kStream);
    }
    const std::size_t a_chunk_more = 2 * store::kChunkBytes;
    CHECK(loop.secured.memory_bytes() <= browsers.size() * kBytesMax + a_chunk_more);
    CHECK(loop.secured.handshake_bytes() == 0);
}

} // namespace secured_test

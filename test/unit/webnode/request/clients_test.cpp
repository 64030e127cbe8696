// Goal: the clients of trusted proxies have places and are logged by their own addresses, and
// nobody else can say for whom it asks.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "topology/net/ip_address.hpp"
#include "webnode/connection/clients.hpp"

namespace clients_test {

using namespace zcomet;
using namespace zcomet::webnode;
using namespace zcomet::webnode::request;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const std::string kProxy = "10.0.0.1";
const std::string kStream = "GET /test/7 HTTP/1.1\r\nHost: h\r\n";
const std::string kPage = "GET /nowhere HTTP/1.1\r\nHost: h\r\n";

sockaddr_storage address_of(const std::string& text) {
    return net::socket_address_of(net::read_ip_address(text).value(), 1234);
}

std::string proxy_header(bool is_local = false) {
    return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + (is_local ? '\x20' : '\x21') +
           std::string("\x11\x00\x0C\xC0\x00\x02\x07\x0A\x00\x00\x01\x9C\x40\x1F\x40", 15);
}

struct Fixture : LoopFixture {
    explicit Fixture(bool speak_proxy_protocol = false)
        : clients({{net::AddressRange::read("10.0.0.0/8").value()}, speak_proxy_protocol}) {
        requests.set_clients(clients, [this](connection::Connection& connection,
                                             const std::optional<net::IpAddress>& client, Time) {
            fd = connection.fd();
            places.push_back(client ? net::text_of(*client) : "-");
            return has_room;
        });
    }
    /// @param from  the other end's address.
    [[nodiscard]] Browser connect_from(const std::string& from, const std::string& bytes) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) ==
                0);
        Browser browser(ends[1]);
        browser.send(bytes);
        is_of_proxy = clients.begin(ends[0], address_of(from));
        requests.on_accepted(ends[0], now);
        return browser;
    }

    connection::Clients clients;
    std::vector<std::string> places; // that were asked for
    bool has_room = true;
    bool is_of_proxy = false;
    int fd = -1; // of the last of them
};

} // namespace

TEST_CASE("a request of a proxy has its client's place", "[clients]") {
    Fixture loop;
    const Browser browser =
        loop.connect_from(kProxy, kStream + "X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n\r\n");
    CHECK(loop.is_of_proxy);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 "));
    CHECK(loop.places == std::vector<std::string>{"192.0.2.7"});
    CHECK(loop.clients.text(loop.fd) == "192.0.2.7");
}

TEST_CASE("requests on one connection of a proxy may be for several clients", "[clients]") {
    Fixture loop;
    Browser browser = loop.connect_from(kProxy, kPage + "X-Forwarded-For: 192.0.2.7\r\n\r\n");
    browser.send(kPage + "\r\n");
    browser.send(kPage + "X-Forwarded-For: 192.0.2.8\r\n\r\n");
    loop.turn();
    CHECK(loop.places == std::vector<std::string>{"192.0.2.7", "-", "192.0.2.8"});
    CHECK(loop.clients.text(loop.fd) == "192.0.2.8");
}

TEST_CASE("what others say of a client is not heard", "[clients]") {
    Fixture loop(GENERATE(false, true));
    const Browser browser =
        loop.connect_from("192.0.2.1", kStream + "X-Forwarded-For: 192.0.2.7\r\n\r\n");
    CHECK_FALSE(loop.is_of_proxy);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 "));
    CHECK(loop.places.empty());
    const Browser liar = loop.connect_from("192.0.2.1", proxy_header() + kStream + "\r\n");
    CHECK_THAT(liar.received(), StartsWith("HTTP/1.1 400 "));
    CHECK(loop.places.empty());
}

TEST_CASE("a client without a place is refused", "[clients]") {
    Fixture loop;
    loop.has_room = false;
    const Browser browser =
        loop.connect_from(kProxy, kStream + "X-Forwarded-For: 192.0.2.7\r\n\r\n");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 429 ") &&
                                       Contains("too many connections come from this address"));
    CHECK(loop.logins.empty());
    CHECK(loop.count(slot::WorkerCounter::kResponses4xx) == 1);
}

TEST_CASE("a client without a place is refused before its body is read", "[clients]") {
    Fixture loop;
    loop.has_room = false;
    const Browser browser =
        loop.connect_from(kProxy, "POST /test/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"
                                  "X-Forwarded-For: 192.0.2.7\r\n\r\n");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 429 "));
    CHECK(loop.places == std::vector<std::string>{"192.0.2.7"});
}

TEST_CASE("a PROXY header names the client of a connection", "[clients]") {
    Fixture loop(true);
    const std::string request = kStream + "X-Forwarded-For: 6.6.6.6\r\n\r\n";
    SECTION("at once") {
        const Browser browser = loop.connect_from(kProxy, proxy_header() + request);
        CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 "));
        CHECK(loop.places == std::vector<std::string>{"192.0.2.7"});
        CHECK(loop.clients.text(loop.fd) == "192.0.2.7:40000");
    }
    SECTION("byte by byte") {
        Browser browser = loop.connect_from(kProxy, "\r");
        for (const char c : (proxy_header() + request).substr(1)) {
            browser.send(std::string(1, c));
            loop.turn();
        }
        CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 200 "));
        CHECK(loop.places == std::vector<std::string>{"192.0.2.7"});
    }
    SECTION("and the first of several requests later") {
        Browser browser = loop.connect_from(kProxy, proxy_header());
        CHECK(browser.received().empty());
        browser.send(kPage + "\r\n" + kPage + "\r\n");
        loop.turn();
        CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404 "));
        CHECK(loop.count(slot::WorkerCounter::kRequests) == 2);
        CHECK(loop.places == std::vector<std::string>{"192.0.2.7"});
    }
    SECTION("and there is no place for it") {
        loop.has_room = false;
        const Browser browser = loop.connect_from(kProxy, proxy_header() + request);
        CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 429 "));
        CHECK(loop.logins.empty());
    }
}

TEST_CASE("a proxy that connects for itself is served", "[clients]") {
    Fixture loop(true);
    const Browser browser = loop.connect_from(kProxy, proxy_header(true) + kPage + "\r\n");
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 404 "));
    CHECK(loop.places == std::vector<std::string>{"-"});
}

TEST_CASE("a proxy that should send a PROXY header gets nothing without", "[clients]") {
    Fixture loop(true);
    const std::string bytes =
        GENERATE(as<std::string>(), kStream + "\r\n", "\r\n" + kStream + "\r\n", "PROXY TCP4 ");
    Browser browser = loop.connect_from(kProxy, bytes);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 400 "));
    CHECK(loop.count(slot::WorkerCounter::kProxyRefusals) == 1);
    CHECK(loop.logins.empty());
    CHECK(loop.places.empty());
}

TEST_CASE("a half PROXY header has a deadline", "[clients]") {
    Fixture loop(true);
    const Browser browser = loop.connect_from(kProxy, proxy_header().substr(0, 20));
    loop.pass(Fixture::kDeadline + 1s);
    CHECK_THAT(browser.received(), StartsWith("HTTP/1.1 408 "));
    loop.pass(Requests::kLingerMax + 1s);
    CHECK(browser.ended());
    CHECK(loop.connections.table().connection_count() == 0);
}

TEST_CASE("what was known of a connection is forgotten with it", "[clients]") {
    Fixture loop(true);
    {
        Browser browser = loop.connect_from(kProxy, proxy_header() + kStream + "\r\n");
        CHECK(loop.clients.text(loop.fd) == "192.0.2.7:40000");
        browser.leave();
        loop.turn();
    }
    CHECK(loop.connections.table().connection_count() == 0);
    CHECK(loop.clients.text(loop.fd) == "-");
    CHECK_FALSE(loop.clients.is_of_proxy(loop.fd));
}

} // namespace clients_test

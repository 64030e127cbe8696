// Goal: addresses are read as documented, and everything else is refused with the text quoted.
#include "topology/wire/endpoint.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace endpoint_test {

using zcomet::wire::HostPort;
using zcomet::wire::parse_host_port;
using zcomet::wire::parse_tcp_endpoint;
using zcomet::wire::tcp_endpoint;

TEST_CASE("HOST:PORT in every form is read", "[endpoint]") {
    struct Case {
        std::string text;
        std::string host;
        std::uint16_t port;
    };
    const auto c = GENERATE(values<Case>({{"127.0.0.1:8000", "127.0.0.1", 8000},
                                          {"localhost:1", "localhost", 1},
                                          {"a-b_c.example:65535", "a-b_c.example", 65535},
                                          {"*:80", "*", 80},
                                          {"0.0.0.0:0", "0.0.0.0", 0},
                                          {"127.0.0.1:*", "127.0.0.1", 0},
                                          {"[::1]:8000", "::1", 8000},
                                          {"[fe80::1%eth0]:8000", "fe80::1%eth0", 8000}}));
    CAPTURE(c.text);
    const auto address = parse_host_port(c.text);
    REQUIRE(address.ok());
    CHECK(address.value().host == c.host);
    CHECK(address.value().port == c.port);
    const auto endpoint = parse_tcp_endpoint("tcp://" + c.text);
    REQUIRE(endpoint.ok());
    CHECK(endpoint.value().host == c.host);
    CHECK(endpoint.value().port == c.port);
}

TEST_CASE("invalid addresses are refused, and quoted", "[endpoint]") {
    const auto text =
        GENERATE(as<std::string>(), "", "localhost", ":8000", "localhost:", "localhost:65536",
                 "localhost:-1", "localhost:80x", "localhost: 80", "::1:8000", "[::1]", "[]:80",
                 "[localhost]:80", "a b:80", "a/b:80", "*.example:80", "tcp://localhost:80",
                 "http://localhost:80");
    CAPTURE(text);
    const auto address = parse_host_port(text);
    REQUIRE_FALSE(address.ok());
    CHECK(address.error().text.find("\"" + text + "\"") != std::string::npos);
}

TEST_CASE("a host of more than 253 characters is refused", "[endpoint]") {
    CHECK(parse_host_port(std::string(253, 'a') + ":80").ok());
    CHECK_FALSE(parse_host_port(std::string(254, 'a') + ":80").ok());
}

TEST_CASE("an endpoint needs its tcp://", "[endpoint]") {
    const auto text =
        GENERATE(as<std::string>(), "", "tcp://", "127.0.0.1:5555", "tcp:127.0.0.1:5555",
                 "ipc:///tmp/x", "TCP://127.0.0.1:5555", "tcp://127.0.0.1");
    CAPTURE(text);
    REQUIRE_FALSE(parse_tcp_endpoint(text).ok());
}

TEST_CASE("people write addresses with a scheme or without", "[endpoint]") {
    using zcomet::wire::parse_http_address;
    using zcomet::wire::parse_tcp_address;
    for (const char* const text : {"[::1]:80", "tcp://[::1]:80"}) {
        CHECK(tcp_endpoint(parse_tcp_address(text).value()) == "tcp://[::1]:80");
    }
    for (const char* const text : {"[::1]:80", "http://[::1]:80", "http://[::1]:80/"}) {
        CHECK(parse_http_address(text).value().text() == "[::1]:80");
    }
    const auto http_complaint = [](const std::string& text) {
        return parse_http_address(text).error().text;
    };
    CHECK(parse_tcp_address("http://a:80").error().text ==
          R"("http://a:80" is not an address: it is written HOST:PORT or tcp://HOST:PORT)");
    CHECK(http_complaint("tcp://a:80") ==
          R"("tcp://a:80" is not an address: it is written HOST:PORT or http://HOST:PORT)");
    CHECK(http_complaint("https://a:80/").find("it is written HOST:PORT or http://HOST:PORT") !=
          std::string::npos);
    CHECK(http_complaint("http://a:80/stats") ==
          R"("http://a:80/stats" is not an address: a path follows the port)");
    CHECK(http_complaint("http://a") == R"("http://a" is not an address: it has no port)");
    CHECK(http_complaint("::1:80").find("in brackets") != std::string::npos);
    CHECK_FALSE(parse_tcp_address("").ok());
    CHECK_FALSE(parse_http_address("").ok());
    CHECK_FALSE(parse_http_address("/").ok());
    CHECK_FALSE(parse_tcp_address("tcp://tcp://a:80").ok());
}

TEST_CASE("an endpoint survives being read and written", "[endpoint]") {
    const auto text = GENERATE(as<std::string>(), "tcp://127.0.0.1:5555", "tcp://*:5555",
                               "tcp://[::1]:5555", "tcp://127.0.0.1:*");
    CHECK(tcp_endpoint(parse_tcp_endpoint(text).value()) == text);
}

TEST_CASE("HOST:PORT is written so that it can be read again", "[endpoint]") {
    CHECK(HostPort{"::1", 8000}.text() == "[::1]:8000");
    CHECK(HostPort{"127.0.0.1", 0}.text() == "127.0.0.1:0");
}

} // namespace endpoint_test

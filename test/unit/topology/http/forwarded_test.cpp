// Goal: the client is the last address that no trusted proxy has, whatever a client makes up.
#include "topology/http/forwarded.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::http::forwarded_test {
namespace {

const std::vector<net::AddressRange> kProxies{net::AddressRange::read("10.0.0.0/8").value(),
                                              net::AddressRange::read("2001:db8::/32").value()};

/// @return "-" for none.
std::string client_in(const std::string& headers) {
    const auto client = forwarded_for("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n", kProxies);
    return client ? net::text_of(*client) : "-";
}

std::string client_of(const std::string& value) {
    return client_in("X-Forwarded-For: " + value + "\r\n");
}

TEST_CASE("the client that a proxy names", "[forwarded]") {
    struct Row {
        std::string value;
        std::string client;
    };
    const std::vector<Row> rows{
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1, 10.0.0.2", "192.0.2.1"},
        {"192.0.2.1,10.0.0.2 ,\t10.0.0.3", "192.0.2.1"},
        {"6.6.6.6, 192.0.2.1", "192.0.2.1"}, // made up by the client
        {"6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"},
        {"10.0.0.9, 192.0.2.1", "192.0.2.1"},
        {"fd00::1", "fd00::1"},
        {"fd00::1, 2001:db8::5", "fd00::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:10.0.0.1", "-"},
        {"192.0.2.1:40000", "192.0.2.1"},
        {"[fd00::1]:40000", "fd00::1"},
        {"[fd00::1]", "fd00::1"},
        {"10.0.0.1", "-"},
        {"10.0.0.1, 10.0.0.2", "-"},
        {"", "-"},
        {"unknown", "-"},
        {"192.0.2.1, unknown", "-"}, // what stands before it may be made up
        {"192.0.2.1, unknown, 10.0.0.2", "-"},
        {"unknown, 192.0.2.1", "192.0.2.1"},
        {"192.0.2.1,", "-"},
        {",", "-"},
        {"192.0.2.1 192.0.2.2", "-"},
        {"\"192.0.2.1\"", "-"},
        {"evil.example", "-"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        CHECK(client_of(row.value) == row.client);
    }
}

TEST_CASE("several headers are one list", "[forwarded]") {
    CHECK(client_in("x-forwarded-for: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.2\r\n") == "192.0.2.1");
    CHECK(client_in("X-Forwarded-For: 192.0.2.1\r\nX-FORWARDED-FOR: 192.0.2.2\r\n") == "192.0.2.2");
    CHECK(client_in("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For:\r\n") == "-");
    CHECK(client_in("X-Forwarded-Fo: 192.0.2.1\r\n") == "-");
    CHECK(client_in("") == "-");
    const auto after_empty_line =
        forwarded_for("\r\nGET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", kProxies);
    CHECK(after_empty_line.has_value());
}

TEST_CASE("a long chain is looked at up to a bound", "[forwarded]") {
    std::string chain = "192.0.2.1";
    for (unsigned n = 1; n < kForwardedMax; ++n) {
        chain += ", 10.0.0.1";
    }
    CHECK(client_of(chain) == "192.0.2.1");
    CHECK(client_of(chain + ", 10.0.0.1") == "-");
}

} // namespace
} // namespace zcomet::http::forwarded_test

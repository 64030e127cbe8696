// Goal: exactly the names that lead to this machine for a good reason are served, however they are
// written.
#include "topology/host/authority.hpp"
#include "topology/host/host_names.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::host::host_names_test {
namespace {

TEST_CASE("an authority is a host and perhaps a port", "[authority]") {
    struct Row {
        std::string text;
        std::string host; // empty: it is none
        std::string port;
        bool is_address = false;
    };
    const std::vector<Row> rows{
        {"comet.example", "comet.example", ""},
        {"comet.example:8000", "comet.example", "8000"},
        {"comet.example:", "comet.example", ""}, // RFC 3986, section 3.2.3
        {"comet.example.:80", "comet.example.", "80"},
        {"under_score", "under_score", ""},
        {"192.0.2.1", "192.0.2.1", "", true},
        {"192.0.2.1:1", "192.0.2.1", "1", true},
        {"192.0.2", "192.0.2", ""},
        {"192.0.2.256", "192.0.2.256", ""},
        {"192.0.2.01", "192.0.2.01", ""},
        {"192.0.2.1.", "192.0.2.1.", ""},
        {"0x7f000001", "0x7f000001", ""},
        {"[2001:db8::1]", "2001:db8::1", "", true},
        {"[2001:db8::1]:8000", "2001:db8::1", "8000", true},
        {"[::ffff:192.0.2.1]", "::ffff:192.0.2.1", "", true},
        {"[1:2]", "1:2", ""},
        {"[192.0.2.1]", "192.0.2.1", ""},
        {"[abc]", "abc", ""},
        {"", "", ""},
        {":80", "", ""},
        {"a:b", "", ""},
        {"a:123456", "", ""},
        {"a:80:80", "", ""},
        {"2001:db8::1", "", ""},
        {"[2001:db8::1", "", ""},
        {"[]", "", ""},
        {"[::1]80", "", ""},
        {"[::1%25eth0]", "", ""},
        {"a b", "", ""},
        {"a,b", "", ""},
        {"a/b", "", ""},
        {"user@a", "", ""},
        {"a%2eb", "", ""},
        {"\xc3\xa4", "", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto authority = read_authority(row.text);
        REQUIRE(authority.has_value() == !row.host.empty());
        CHECK(valid_host(row.text) == (authority || row.text.empty()));
        if (authority) {
            CHECK(authority->host == row.host);
            CHECK(authority->port == row.port);
            CHECK(authority->is_in_brackets == row.text.starts_with('['));
            CHECK(is_address(*authority) == row.is_address);
        }
    }
}

TEST_CASE("which names are this machine's own for every browser", "[authority]") {
    for (const std::string name : {"localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1",
                                   "127.1.2.3:80", "[::1]", "[::1]:8000"}) {
        CAPTURE(name);
        CHECK(names_loopback(name));
    }
    for (const std::string name :
         {"", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil.example:80", "127",
          "128.0.0.1", "0.0.0.0", "[::]", "[::2]:80", "evil.example", "a"}) {
        CAPTURE(name);
        CHECK_FALSE(names_loopback(name));
    }
}

TEST_CASE("addresses and localhost are always served, and no other name", "[host_names]") {
    const HostNames none;
    for (const std::string host :
         {"localhost", "LocalHost:8000", "localhost.", "a.localhost:1", "127.0.0.1", "192.0.2.1:80",
          "0.0.0.0:8000", "[::1]:8000", "[2001:db8::1]"}) {
        CAPTURE(host);
        CHECK(none.allow(host));
    }
    for (const std::string host :
         {"", "evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost",
          ".localhost", "127.0.0.1.evil.example", "127.1", "2130706433", "0x7f.1", "[1:2]", "a b",
          "192.0.2.1."}) {
        CAPTURE(host);
        CHECK_FALSE(none.allow(host));
    }
}

TEST_CASE("a given name is served with any port, in any case", "[host_names]") {
    const HostNames names({"comet.example", "Upper.example.", "*.tenants.example"});
    for (const std::string host :
         {"comet.example", "COMET.example:8000", "comet.example.", "comet.example.:80",
          "upper.EXAMPLE", "a.tenants.example", "a.b.Tenants.example:1", "192.0.2.1"}) {
        CAPTURE(host);
        CHECK(names.allow(host));
    }
    for (const std::string host :
         {"comet.example..", "a.comet.example", "xcomet.example", "comet.example.evil",
          "tenants.example", ".tenants.example", "xtenants.example", "comet.exampl",
          "comet.example:port", "*", "*.tenants.example:x"}) {
        CAPTURE(host);
        CHECK_FALSE(names.allow(host));
    }
    CHECK(HostNames({"*"}).allow("any.example:80"));
    CHECK_FALSE(HostNames({"*"}).allow("no host"));
}

TEST_CASE("what can be given as a name", "[host_names]") {
    for (const std::string text :
         {"a", "comet.example", "comet.example.", "*", "*.example", "*.a.example", "192.0.2.1"}) {
        CAPTURE(text);
        CHECK(why_no_host_name(text).empty());
    }
    for (const std::string text : {"", ".", "*.", "**", "*a", "a.*", "*.*.a", "a:80", "http://a",
                                   "a/", "a b", ".a", "*..a", "[::1]", "\xc3\xa4.example"}) {
        CAPTURE(text);
        CHECK_FALSE(why_no_host_name(text).empty());
    }
}

} // namespace
} // namespace zcomet::host::host_names_test

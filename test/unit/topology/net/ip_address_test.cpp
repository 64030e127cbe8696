// Goal: an address is the same however it came, and a range has exactly the addresses that begin
// with its bits.
#include "topology/net/ip_address.hpp"
#include "topology/net/peer_address.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::net::ip_address_test {
namespace {

TEST_CASE("an address is read and written", "[ip_address]") {
    for (const std::string text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::", "::1"}) {
        CAPTURE(text);
        const auto address = read_ip_address(text);
        REQUIRE(address);
        CHECK(text_of(*address) == text);
        const sockaddr_storage socket = socket_address_of(*address, 80);
        CHECK(ip_address_of(socket) == address);
        const bool is_ipv6 = text.find(':') != std::string::npos;
        CHECK(address_text(socket) == (is_ipv6 ? "[" + text + "]:80" : text + ":80"));
    }
    CHECK(read_ip_address("::ffff:192.0.2.1") == read_ip_address("192.0.2.1"));
    for (const std::string text : {"", "a", "192.0.2", "192.0.2.256", "192.0.2.01", " 192.0.2.1",
                                   "192.0.2.1 ", "[::1]", "1:2", "2001:db8::1%eth0", "192.0.2.1:80",
                                   "1111:2222:3333:4444:5555:6666:7777:8888:9999"}) {
        CAPTURE(text);
        CHECK_FALSE(read_ip_address(text));
    }
    CHECK_FALSE(read_ip_address(std::string("192.0.2.1\0x", 11)));
}

TEST_CASE("a range has the addresses that begin with its bits", "[ip_address]") {
    struct Row {
        std::string range;
        std::vector<std::string> in;
        std::vector<std::string> out;
    };
    const std::vector<Row> rows{
        {"10.0.0.0/8",
         {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"},
         {"11.0.0.0", "9.255.255.255", "::10.0.0.1", "a00::"}},
        {"192.0.2.0/25", {"192.0.2.0", "192.0.2.127"}, {"192.0.2.128", "192.0.3.0"}},
        {"192.0.2.128/31", {"192.0.2.129"}, {"192.0.2.130", "192.0.2.127"}},
        {"192.0.2.7", {"192.0.2.7"}, {"192.0.2.6", "::192.0.2.7"}},
        {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255"}, {"::", "2001:db8::"}},
        {"::/0", {"::", "192.0.2.1", "ffff::"}, {}},
        {"2001:db8::/33", {"2001:db8:7fff::1"}, {"2001:db8:8000::", "2001:db9::"}},
        {"2001:db8::1", {"2001:db8::1"}, {"2001:db8::2"}},
        {"::ffff:10.0.0.0/104", {"10.1.1.1"}, {"11.1.1.1"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.range);
        const auto range = AddressRange::read(row.range);
        REQUIRE(range);
        for (const std::string& address : row.in) {
            CAPTURE(address);
            CHECK(range->has(read_ip_address(address).value()));
        }
        for (const std::string& address : row.out) {
            CAPTURE(address);
            CHECK_FALSE(range->has(read_ip_address(address).value()));
        }
    }
}

TEST_CASE("what is no range", "[ip_address]") {
    for (const std::string text :
         {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8",
          "10.0.0.1/8", "10.0.0.0/8/8", "10.0.0.0/99999999999", "2001:db8::/129", "2001:db8::1/64",
          "10.0.0.0/255.0.0.0", "localhost", "a/8"}) {
        CAPTURE(text);
        CHECK_FALSE(AddressRange::read(text));
    }
}

} // namespace
} // namespace zcomet::net::ip_address_test

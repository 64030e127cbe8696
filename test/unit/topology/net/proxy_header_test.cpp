// Goal: a PROXY header is read in any pieces, and nothing else is taken for one.
#include "topology/net/proxy_header.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace zcomet::net::proxy_header_test {
namespace {

using Verdict = ProxyHeader::Verdict;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string header(int command, int family, const std::string& rest) {
    return kSignature + static_cast<char>(command) + static_cast<char>(family) +
           static_cast<char>(rest.size() >> 8U) + static_cast<char>(rest.size() & 0xFFU) + rest;
}

const std::string kIpv4("\xC0\x00\x02\x07\x0A\x00\x00\x01\x9C\x40\x1F\x40", 12);
const std::string kIpv6 = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16) +
                          std::string(16, '\1') + std::string("\x01\xBB\x1F\x40", 4);
const std::string kTlv("\x05\x00\x03\x61\x62\x63", 6);

TEST_CASE("what headers say", "[proxy_header]") {
    struct Row {
        std::string name;
        std::string bytes;
        std::string client; // empty: none
        std::uint16_t port = 0;
    };
    const std::vector<Row> rows{
        {"IPv4", header(0x21, 0x11, kIpv4), "192.0.2.7", 40'000},
        {"IPv4 with a TLV", header(0x21, 0x11, kIpv4 + kTlv), "192.0.2.7", 40'000},
        {"IPv6", header(0x21, 0x21, kIpv6), "2001:db8::9", 443},
        {"IPv6 with a TLV", header(0x21, 0x21, kIpv6 + kTlv), "2001:db8::9", 443},
        {"of the proxy's own", header(0x20, 0x11, kIpv4), ""},
        {"of the proxy's own, without addresses", header(0x20, 0x00, ""), ""},
        {"unknown family", header(0x21, 0x00, ""), ""},
        {"datagrams", header(0x21, 0x12, kIpv4), ""},
        {"UNIX sockets", header(0x21, 0x31, std::string(216, 'p')), ""},
        {"as long as may be",
         header(0x21, 0x11, kIpv4 + std::string(kProxyHeaderBytesMax - 28, 't')), "192.0.2.7",
         40'000},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const ProxyHeader read = read_proxy_header(row.bytes + "GET / HTTP/1.1\r\n");
        REQUIRE(read.verdict == Verdict::kComplete);
        CHECK(read.bytes == row.bytes.size());
        REQUIRE(read.client.has_value() == !row.client.empty());
        if (read.client) {
            CHECK(text_of(read.client->address) == row.client);
            CHECK(read.client->port == row.port);
        }
        for (std::size_t size = 0; size < row.bytes.size(); ++size) {
            CHECK(read_proxy_header(row.bytes.substr(0, size)).verdict == Verdict::kNeedMore);
        }
    }
}

TEST_CASE("what is no such header", "[proxy_header]") {
    const std::vector<std::string> rows{
        "G",
        "GET / HTTP/1.1\r\n",
        "\r\nGET / HTTP/1.1\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 40000 8000\r\n", // version 1
        header(0x11, 0x11, kIpv4),                      // versions
        header(0x31, 0x11, kIpv4),
        header(0x22, 0x11, kIpv4), // commands
        header(0x2F, 0x11, kIpv4),
        header(0x21, 0x11, kIpv4.substr(1)), // too short for their addresses
        header(0x21, 0x21, kIpv4),
        header(0x21, 0x11, ""),
        header(0x21, 0x11, kIpv4 + std::string(kProxyHeaderBytesMax - 27, 't')),
        header(0x21, 0x11, std::string(65'535, 't')),
    };
    for (const std::string& bytes : rows) {
        CAPTURE(bytes.substr(0, 40));
        CHECK(read_proxy_header(bytes).verdict == Verdict::kRefuse);
        CHECK_FALSE(read_proxy_header(bytes).client);
    }
    std::string other = header(0x21, 0x11, kIpv4);
    for (std::size_t at = 0; at < kSignature.size(); ++at) {
        ++other[at];
        CHECK(read_proxy_header(other).verdict == Verdict::kRefuse);
        CHECK(read_proxy_header(other.substr(0, at + 1)).verdict == Verdict::kRefuse);
        --other[at];
    }
}

} // namespace
} // namespace zcomet::net::proxy_header_test

// Fuzz target: for whom proxies speak. The first byte says what the rest is: P the beginning of a
// connection, for its PROXY header, F the value of X-Forwarded-For, R a range of addresses.
//
// A header that is whole stays whole and the same with bytes behind it, and each shorter piece of
// it wants more. A client that is found is no trusted proxy, and stands in the value. A range has
// its own first address.
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/http/forwarded.hpp"
#include "topology/net/ip_address.hpp"
#include "topology/net/proxy_header.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace zcomet;

namespace {

using Verdict = net::ProxyHeader::Verdict;

void check_header(const std::string& bytes) {
    const net::ProxyHeader header = net::read_proxy_header(bytes);
    ZCOMET_ASSERT(header.verdict == Verdict::kComplete || !header.client);
    switch (header.verdict) {
    case Verdict::kComplete: {
        ZCOMET_ASSERT(header.bytes <= bytes.size() && header.bytes <= net::kProxyHeaderBytesMax);
        const net::ProxyHeader again = net::read_proxy_header(bytes.substr(0, header.bytes) + "x");
        ZCOMET_ASSERT(again.verdict == Verdict::kComplete && again.bytes == header.bytes);
        ZCOMET_ASSERT(again.client.has_value() == header.client.has_value());
        ZCOMET_ASSERT(!header.client || (again.client->address == header.client->address &&
                                         again.client->port == header.client->port));
        for (std::size_t size = 0; size < header.bytes; ++size) {
            ZCOMET_ASSERT(net::read_proxy_header(bytes.substr(0, size)).verdict ==
                          Verdict::kNeedMore);
        }
        break;
    }
    case Verdict::kNeedMore:
        ZCOMET_ASSERT(bytes.size() < net::kProxyHeaderBytesMax);
        break;
    case Verdict::kRefuse:
        ZCOMET_ASSERT(net::read_proxy_header(bytes + "x").verdict == Verdict::kRefuse);
        break;
    }
}

void check_forwarded(const std::string& value) {
    static const std::vector<net::AddressRange> proxies{
        net::AddressRange::read("10.0.0.0/8").value(),
        net::AddressRange::read("2001:db8::/32").value()};
    if (value.find_first_of("\r\n") != std::string::npos) {
        return; // not one header
    }
    const auto client = [](const std::string& list) {
        return http::forwarded_for("GET / HTTP/1.1\r\nX-Forwarded-For: " + list + "\r\n\r\n",
                                   proxies);
    };
    const auto found = client(value);
    if (found) {
        for (const net::AddressRange& range : proxies) {
            ZCOMET_ASSERT(!range.has(*found));
        }
        ZCOMET_ASSERT(client("6.6.6.6, " + value) == found); // made up by a client
    }
    ZCOMET_ASSERT(client(value + ", 192.0.2.1") == net::read_ip_address("192.0.2.1"));
    ZCOMET_ASSERT(!client(value + ", x"));
}

void check_range(const std::string& text) {
    const auto range = net::AddressRange::read(text);
    const auto first = net::read_ip_address(text.substr(0, text.find('/')));
    ZCOMET_ASSERT(!range || first);
    ZCOMET_ASSERT(!range || range->has(*first));
    if (first) {
        ZCOMET_ASSERT(net::read_ip_address(net::text_of(*first)) == first);
        ZCOMET_ASSERT(net::ip_address_of(net::socket_address_of(*first, 1)) == first);
    }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [letter, text] = fuzz::lettered(data, size);
    switch (letter) {
    case 'P':
        check_header(text);
        break;
    case 'F':
        check_forwarded(text);
        break;
    case 'R':
        check_range(text);
        break;
    default:
        break;
    }
    return 0;
}

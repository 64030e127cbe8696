#include "topology/net/proxy_header.hpp"

#include <algorithm>
#include <cstring>

namespace zcomet::net {

namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kHeadBytes = 16;
constexpr unsigned kVersion = 2;
constexpr unsigned kLocal = 0; // commands
constexpr unsigned kProxy = 1;
constexpr unsigned kIpv4 = 1; // families
constexpr unsigned kIpv6 = 2;
constexpr unsigned kStream = 1; // transports

unsigned byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

std::size_t number_at(std::string_view bytes, std::size_t at) {
    constexpr unsigned kByteBits = 8;
    return std::size_t{byte_at(bytes, at)} << kByteBits | byte_at(bytes, at + 1);
}

/// @param address_bytes  4 or 16; the addresses are followed by the ports.
ProxyHeader::Client client_in(std::string_view addresses, std::size_t address_bytes) {
    constexpr std::size_t kIpv6Bytes = 16;
    ProxyHeader::Client client;
    if (address_bytes < kIpv6Bytes) {
        client.address.bytes[10] = client.address.bytes[11] = 0xFF;
    }
    std::memcpy(client.address.bytes.data() + kIpv6Bytes - address_bytes, addresses.data(),
                address_bytes);
    client.port = static_cast<std::uint16_t>(number_at(addresses, 2 * address_bytes));
    return client;
}

} // namespace

ProxyHeader read_proxy_header(std::string_view so_far) {
    constexpr ProxyHeader kRefusal{ProxyHeader::Verdict::kRefuse};
    const std::size_t begun = std::min(so_far.size(), kSignature.size());
    if (so_far.substr(0, begun) != kSignature.substr(0, begun)) {
        return kRefusal;
    }
    if (so_far.size() < kHeadBytes) {
        return {};
    }
    const unsigned version = byte_at(so_far, kSignature.size()) >> 4U;
    const unsigned command = byte_at(so_far, kSignature.size()) & 0xFU;
    const unsigned family = byte_at(so_far, kSignature.size() + 1) >> 4U;
    const unsigned transport = byte_at(so_far, kSignature.size() + 1) & 0xFU;
    const std::size_t length = number_at(so_far, kSignature.size() + 2);
    const bool is_known = version == kVersion && (command == kLocal || command == kProxy);
    if (!is_known || kHeadBytes + length > kProxyHeaderBytesMax) {
        return kRefusal;
    }
    const bool has_client = command == kProxy && transport == kStream;
    const std::size_t address_bytes = !has_client       ? 0
                                      : family == kIpv4 ? 4
                                      : family == kIpv6 ? 16
                                                        : 0;
    const std::size_t addresses_bytes = address_bytes == 0 ? 0 : 2 * address_bytes + 4;
    if (length < addresses_bytes) {
        return kRefusal;
    }
    if (so_far.size() < kHeadBytes + length) {
        return {};
    }
    ProxyHeader header{ProxyHeader::Verdict::kComplete, kHeadBytes + length};
    if (address_bytes > 0) {
        header.client = client_in(so_far.substr(kHeadBytes, length), address_bytes);
    }
    return header;
}

} // namespace zcomet::net

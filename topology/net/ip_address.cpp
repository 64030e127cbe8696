#include "topology/net/ip_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace zcomet::net {

namespace {

constexpr unsigned kBits = 128;
/// Of IPv6 before an IPv4 address in IPv6 form.
constexpr unsigned kBitsBeforeIpv4 = 96;
constexpr unsigned kBitsOfByte = 8;
constexpr std::size_t kBytesBeforeIpv4 = kBitsBeforeIpv4 / kBitsOfByte;

IpAddress in_ipv6_form(const in_addr& ipv4) {
    IpAddress address;
    address.bytes[10] = address.bytes[11] = 0xFF;
    std::memcpy(address.bytes.data() + kBytesBeforeIpv4, &ipv4, sizeof ipv4);
    return address;
}

bool is_ipv4(const IpAddress& address) {
    const IpAddress form = in_ipv6_form({});
    return std::equal(form.bytes.begin(), form.bytes.begin() + kBytesBeforeIpv4,
                      address.bytes.begin());
}

} // namespace

std::optional<IpAddress> ip_address_of(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET) {
        sockaddr_in whole{};
        std::memcpy(&whole, &address, sizeof whole);
        return in_ipv6_form(whole.sin_addr);
    }
    if (address.ss_family == AF_INET6) {
        sockaddr_in6 whole{};
        std::memcpy(&whole, &address, sizeof whole);
        IpAddress ipv6;
        std::memcpy(ipv6.bytes.data(), &whole.sin6_addr, ipv6.bytes.size());
        return ipv6;
    }
    return std::nullopt;
}

sockaddr_storage socket_address_of(const IpAddress& address, std::uint16_t port) {
    sockaddr_in6 whole{};
    whole.sin6_family = AF_INET6;
    whole.sin6_port = htons(port);
    std::memcpy(&whole.sin6_addr, address.bytes.data(), address.bytes.size());
    sockaddr_storage storage{};
    std::memcpy(&storage, &whole, sizeof whole);
    return storage;
}

std::optional<IpAddress> read_ip_address(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    text.copy(copy.data(), text.size());
    in_addr ipv4{};
    if (::inet_pton(AF_INET, copy.data(), &ipv4) == 1) {
        return in_ipv6_form(ipv4);
    }
    IpAddress ipv6;
    return ::inet_pton(AF_INET6, copy.data(), ipv6.bytes.data()) == 1 ? std::optional(ipv6)
                                                                      : std::nullopt;
}

std::string text_of(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return is_ipv4(address) ? ::inet_ntop(AF_INET, address.bytes.data() + kBytesBeforeIpv4,
                                          text.data(), text.size())
                            : ::inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
}

std::optional<AddressRange> AddressRange::read(std::string_view text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto first = read_ip_address(text.substr(0, slash));
    if (!first) {
        return std::nullopt;
    }
    const unsigned before = text.substr(0, slash).find(':') == std::string_view::npos
                                ? kBitsBeforeIpv4
                                : 0; // that the text does not count
    unsigned bits = kBits - before;
    if (slash < text.size()) {
        const std::string_view digits = text.substr(slash + 1);
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() ||
            bits > kBits - before) {
            return std::nullopt;
        }
    }
    bits += before;
    for (unsigned bit = bits; bit < kBits; ++bit) {
        const unsigned byte = first->bytes[bit / kBitsOfByte];
        if ((byte >> (kBitsOfByte - 1 - bit % kBitsOfByte) & 1U) != 0) {
            return std::nullopt;
        }
    }
    return AddressRange(*first, bits);
}

bool AddressRange::has(const IpAddress& address) const {
    const unsigned whole = bits_ / kBitsOfByte;
    const unsigned rest = bits_ % kBitsOfByte;
    if (!std::equal(first_.bytes.begin(), first_.bytes.begin() + whole, address.bytes.begin())) {
        return false;
    }
    const unsigned shift = kBitsOfByte - rest;
    return rest == 0 || first_.bytes[whole] >> shift == address.bytes[whole] >> shift;
}

} // namespace zcomet::net

#include "topology/host/authority.hpp"

#include "topology/base/text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace zcomet::host {

namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kIpv6Characters = "0123456789ABCDEFabcdef:.";
/// RFC 3986's reg-name without escapes, which no host in use has, and without the comma: that is
/// how a proxy joins two Host lines.
constexpr std::string_view kNameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789-._~!$&'()*+;=";
constexpr std::size_t kPortDigitsMax = 5;

bool consists_of(std::string_view text, std::string_view characters) {
    return text.find_first_not_of(characters) == std::string_view::npos;
}

/// @param family  AF_INET or AF_INET6.
bool is_address_of(int family, std::string_view host) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.size() >= text.size()) {
        return false;
    }
    host.copy(text.data(), host.size());
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(family, text.data(), address.data()) == 1;
}

} // namespace

std::optional<Authority> read_authority(std::string_view text) {
    const bool is_in_brackets = text.starts_with('[');
    const std::size_t end = is_in_brackets ? text.find(']') : std::min(text.find(':'), text.size());
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t begin = is_in_brackets ? 1 : 0;
    Authority authority{.host = text.substr(begin, end - begin),
                        .port = text.substr(end + begin),
                        .is_in_brackets = is_in_brackets};
    const bool has_port = authority.port.starts_with(':');
    authority.port.remove_prefix(has_port ? 1 : 0);
    const bool is_valid =
        !authority.host.empty() &&
        consists_of(authority.host, is_in_brackets ? kIpv6Characters : kNameCharacters) &&
        (has_port || authority.port.empty()) && authority.port.size() <= kPortDigitsMax &&
        consists_of(authority.port, kDigits);
    return is_valid ? std::optional(authority) : std::nullopt;
}

bool is_address(const Authority& authority) {
    return is_address_of(authority.is_in_brackets ? AF_INET6 : AF_INET, authority.host);
}

bool valid_host(std::string_view value) {
    return value.empty() || read_authority(value).has_value();
}

bool names_loopback(std::string_view host) {
    const auto authority = read_authority(host);
    if (!authority) {
        return false;
    }
    if (authority->is_in_brackets) {
        return authority->host == "::1";
    }
    return equals_ignoring_case(authority->host, "localhost") ||
           (authority->host.starts_with("127.") && is_address(*authority));
}

} // namespace zcomet::host

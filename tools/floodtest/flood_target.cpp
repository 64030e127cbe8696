#include "tools/floodtest/flood_target.hpp"

#include "topology/base/text.hpp"
#include "topology/net/lookup.hpp"
#include "topology/net/reachable.hpp"
#include "topology/wire/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace zcomet::tools::floodtest {

namespace {

/// How long the name service may take.
constexpr Duration kLookUpPatience = 5s;
/// How long a host that has several addresses may take to answer at one of them.
constexpr Duration kConnectPatience = 2s;
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kIdMark = "{id}";
constexpr std::string_view kAccept = "accept:";
constexpr std::size_t kSourcesMax = 65536;

/// Printable characters without blanks: any other would end the request line early.
[[nodiscard]] bool valid_path(std::string_view path) {
    return std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// A character of a token (RFC 9110, section 5.6.2).
[[nodiscard]] bool is_token_character(char c) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
}

/// Whether a header replaces the one that says that any type will do.
[[nodiscard]] bool is_accept(std::string_view header) {
    return header.size() >= kAccept.size() &&
           std::equal(kAccept.begin(), kAccept.end(), header.begin(), [](char expected, char c) {
               return expected == (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
           });
}

/// The rest of a request, after its path.
[[nodiscard]] std::string after_path(const std::string& host,
                                     const std::vector<std::string>& headers) {
    std::string text =
        " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: zcomet-floodtest/" ZCOMET_VERSION "\r\n";
    if (std::none_of(headers.begin(), headers.end(), is_accept)) {
        text += "Accept: */*\r\n";
    }
    for (const std::string& header : headers) {
        text += header + "\r\n";
    }
    return text + "\r\n";
}

[[nodiscard]] Result<wire::HostPort> parse_authority(std::string_view authority, bool is_tls) {
    const bool ends_in_bracket = authority.ends_with(']');
    const bool has_port = !ends_in_bracket && authority.find(':') != std::string_view::npos;
    return wire::parse_host_port(has_port ? std::string(authority)
                                          : std::string(authority) + (is_tls ? ":443" : ":80"));
}

[[nodiscard]] net::SocketAddress ipv4_address(std::uint32_t host_order) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_addr.s_addr = htonl(host_order);
    net::SocketAddress address;
    address.size = sizeof(ipv4);
    std::memcpy(&address.storage, &ipv4, sizeof(ipv4));
    return address;
}

/// @return the address in host byte order, or nothing if `text` is not an IPv4 address.
[[nodiscard]] std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
    in_addr address{};
    if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
        return std::nullopt;
    }
    return ntohl(address.s_addr);
}

[[nodiscard]] std::optional<net::SocketAddress> parse_ipv6(std::string_view text) {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    if (::inet_pton(AF_INET6, std::string(text).c_str(), &ipv6.sin6_addr) != 1) {
        return std::nullopt;
    }
    net::SocketAddress address;
    address.size = sizeof(ipv6);
    std::memcpy(&address.storage, &ipv6, sizeof(ipv6));
    return address;
}

/// Adds one address or one range.
[[nodiscard]] Status add_sources(std::string_view item, std::vector<net::SocketAddress>& sources) {
    if (const auto ipv6 = parse_ipv6(item)) {
        sources.push_back(*ipv6);
        return Done{};
    }
    const std::size_t dash = item.find('-');
    const auto first = parse_ipv4(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_ipv4(item.substr(dash + 1));
    if (!first || !last) {
        return Error{in_quotes(item) + " is neither an address nor a range of IPv4 addresses"};
    }
    if (*last < *first) {
        return Error{"the range " + in_quotes(item) + " ends before it begins"};
    }
    if (*last - *first >= kSourcesMax - sources.size()) {
        return Error{"the range " + in_quotes(item) + " makes more than 65,536 source addresses"};
    }
    for (std::uint64_t address = *first; address <= *last; ++address) {
        sources.push_back(ipv4_address(static_cast<std::uint32_t>(address)));
    }
    return Done{};
}

} // namespace

Result<FloodTarget> FloodTarget::parse(std::string_view url,
                                       const std::vector<std::string>& headers) {
    const bool is_tls = url.starts_with(kHttps);
    if (!is_tls && !url.starts_with(kHttp)) {
        return Error{in_quotes(url) + " does not begin with http:// or https://"};
    }
    const std::string_view rest = url.substr(is_tls ? kHttps.size() : kHttp.size());
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
    if (!valid_path(path)) {
        return Error{in_quotes(url) + " has a blank or a character that is not ASCII"};
    }
    const Result<wire::HostPort> where = parse_authority(rest.substr(0, slash), is_tls);
    if (!where.ok()) {
        return where.error();
    }
    const auto addresses =
        net::resolve_within(where.value(), net::Purpose::kConnect, kLookUpPatience);
    if (!addresses.ok()) {
        return addresses.error();
    }
    FloodTarget target;
    target.is_tls_ = is_tls;
    target.host_ = where.value().host;
    target.address_ = net::first_reachable(addresses.value(), kConnectPatience);
    std::size_t mark = path.find(kIdMark);
    target.before_id_ = "GET " + path.substr(0, mark);
    while (mark != std::string::npos) {
        const std::size_t from = mark + kIdMark.size();
        mark = path.find(kIdMark, from);
        target.after_id_.push_back(path.substr(from, mark - from));
    }
    std::string& last = target.after_id_.empty() ? target.before_id_ : target.after_id_.back();
    last += after_path(where.value().text(), headers);
    return target;
}

std::string_view FloodTarget::request(std::uint64_t id) {
    request_.assign(before_id_);
    const std::string text = std::to_string(id);
    for (const std::string& part : after_id_) {
        request_.append(text).append(part);
    }
    return request_;
}

std::string why_no_header(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    if (colon == std::string_view::npos || name.empty() ||
        !std::all_of(name.begin(), name.end(), is_token_character)) {
        return in_quotes(text) + " is not NAME: VALUE";
    }
    const bool is_line = std::all_of(text.begin(), text.end(), [](char c) {
        return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
    });
    return is_line ? "" : in_quotes(text) + " has a character that no header may have";
}

Result<std::vector<net::SocketAddress>> parse_source_addresses(std::string_view text) {
    std::vector<net::SocketAddress> sources;
    while (true) {
        const std::size_t comma = text.find(',');
        const Status added = add_sources(text.substr(0, comma), sources);
        if (!added.ok()) {
            return added.error();
        }
        if (comma == std::string_view::npos) {
            return sources;
        }
        text.remove_prefix(comma + 1);
    }
}

} // namespace zcomet::tools::floodtest

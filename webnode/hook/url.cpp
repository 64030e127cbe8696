#include "webnode/hook/url.hpp"

#include "topology/base/text.hpp"
#include "topology/host/authority.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace zcomet::webnode::hook {

namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::uint16_t kHttpPort = 80;

/// @return 0: it is none.
std::uint16_t port_of(std::string_view text) {
    std::uint16_t port = text.empty() ? kHttpPort : 0;
    std::from_chars(text.data(), text.data() + text.size(), port);
    return port;
}

} // namespace

Result<Url> read_url(std::string_view text) {
    if (text.starts_with("https://")) {
        return Error{"a hook is asked by http:// only; let a proxy beside this node speak https"};
    }
    const std::string_view rest = text.substr(text.starts_with(kHttp) ? kHttp.size() : text.size());
    const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    const auto authority = host::read_authority(rest.substr(0, end));
    std::string target(rest.substr(end));
    if (!target.starts_with('/')) {
        target.insert(0, "/");
    }
    const std::uint16_t port = authority ? port_of(authority->port) : std::uint16_t{0};
    if (port == 0 || !http::valid_target(target)) {
        return Error{in_quotes(text) + " is no address of a hook: http://HOST[:PORT][/PATH]"};
    }
    return Url{.where = {std::string(authority->host), port},
               .authority = std::string(rest.substr(0, end)),
               .target = std::move(target)};
}

} // namespace zcomet::webnode::hook

#include "topology/http/cors.hpp"

#include "topology/host/authority.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::http {

namespace {

constexpr std::string_view kAll = "*";
constexpr std::string_view kSchemeCharacters = "abcdefghijklmnopqrstuvwxyz"
                                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
/// What a page's program may read beside the few headers that it always may.
constexpr const char* kExposed = "Retry-After, Zcomet-Cursor, Last-Event-ID, Mercure-Last-Event-ID";

} // namespace

std::string why_no_origin(std::string_view text) {
    if (text == kAll) {
        return {};
    }
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0 ||
        text.substr(0, scheme).find_first_not_of(kSchemeCharacters) != std::string_view::npos) {
        return "an origin is a scheme and a host, as in https://example.org, or *";
    }
    const std::string_view host = text.substr(scheme + 3);
    const bool has_upper =
        std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (host.empty() || has_upper || host.find('*') != std::string_view::npos ||
        !host::valid_host(host)) {
        return "an origin ends with its host and port, in lower case and without a slash, as in "
               "https://example.org:8443";
    }
    return {};
}

Cors::Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {
    allows_all_ = std::erase(origins_, kAll) > 0;
}

bool Cors::allows(std::string_view origin) const {
    return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

void Cors::add_headers(std::string_view origin, std::vector<Reply::Header>& headers) const {
    if (!is_on()) {
        return;
    }
    if (!origins_.empty()) {
        headers.push_back({"Vary", "Origin"});
    }
    if (origin.empty()) {
        return;
    }
    if (allows(origin)) {
        headers.push_back({"Access-Control-Allow-Origin", std::string(origin)});
        headers.push_back({"Access-Control-Allow-Credentials", "true"});
    } else if (allows_all_) {
        headers.push_back({"Access-Control-Allow-Origin", std::string(kAll)});
    } else {
        return;
    }
    headers.push_back({"Access-Control-Expose-Headers", kExposed});
}

Reply Cors::preflight(const Request& request, std::string_view method) const {
    const std::string_view origin = request.header("Origin");
    if (!allows(origin) && !allows_all_) {
        return error_reply(403, "pages of this origin may not read streams here");
    }
    Reply reply;
    reply.status = 204;
    add_headers(origin, reply.headers);
    reply.headers.push_back({"Access-Control-Allow-Methods", std::string(method)});
    if (const auto wanted = request.header("Access-Control-Request-Headers"); !wanted.empty()) {
        reply.headers.push_back({"Access-Control-Allow-Headers", std::string(wanted)});
    }
    reply.headers.push_back({"Access-Control-Max-Age", std::to_string(kMaxAge.count())});
    return reply;
}

} // namespace zcomet::http

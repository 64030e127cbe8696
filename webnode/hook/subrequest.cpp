#include "webnode/hook/subrequest.hpp"

#include "topology/base/text.hpp"
#include "topology/http/byte_class.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace zcomet::webnode::hook {

namespace {

constexpr std::array<std::string_view, 19> kKeptHere{"Connection",
                                                     "Keep-Alive",
                                                     "Proxy-Connection",
                                                     "Proxy-Authenticate",
                                                     "TE",
                                                     "Proxy-Authorization",
                                                     "Trailer",
                                                     "Transfer-Encoding",
                                                     "Upgrade",
                                                     "Expect",
                                                     "Host",
                                                     "Range",
                                                     "If-Range",
                                                     "If-Match",
                                                     "If-None-Match",
                                                     "If-Modified-Since",
                                                     "X-Original-URI",
                                                     "HTTP2-Settings",
                                                     "If-Unmodified-Since"};
constexpr std::string_view kOfBodies = "Content-";
constexpr std::string_view kOfOurs = "Zcomet-";

/// They differ from request to request of one browser, or say nothing of who it is.
constexpr std::array<std::string_view, 15> kNoCredentials{
    "Accept",     "Accept-Encoding", "Accept-Language", "Cache-Control",
    "DNT",        "Last-Event-ID",   "Pragma",          "Priority",
    "Referer",    "Traceparent",     "Tracestate",      "Upgrade-Insecure-Requests",
    "User-Agent", "X-Amzn-Trace-Id", "X-Request-Id"};
constexpr std::string_view kOfFetches = "Sec-Fetch-";
constexpr std::array<std::string_view, 7> kNoCredentialParameters{
    "id", "since", "wait", "last_event_id", "lastEventId", "lastEventID", "Last-Event-ID"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
    return std::any_of(names.begin(), names.end(),
                       [name](std::string_view one) { return equals_ignoring_case(one, name); });
}

bool begins_with(std::string_view name, std::string_view beginning) {
    return equals_ignoring_case(name.substr(0, beginning.size()), beginning);
}

bool is_told(std::string_view name, std::string_view head) {
    if (!http::is_token(name) || name.find('_') != std::string_view::npos ||
        is_one_of(kKeptHere, name) || begins_with(name, kOfBodies) || begins_with(name, kOfOurs)) {
        return false;
    }
    const auto hops = http::headers_in(head, "Connection");
    return std::none_of(hops.begin(), hops.end(),
                        [name](std::string_view list) { return http::list_has(list, name); });
}

/// Calls `visit(name, value)` for each header of the client that the hook is told.
template <typename Visit> void for_each_told(std::string_view head, Visit&& visit) {
    const std::string_view whole = head;
    head.remove_prefix(std::min(head.find('\n'), head.size() - 1) + 1);
    while (!head.empty() && head.front() != '\r') {
        const std::string_view line = head.substr(0, head.find('\r'));
        head.remove_prefix(std::min(head.find('\n'), head.size() - 1) + 1);
        const std::string_view name = line.substr(0, line.find(':'));
        if (name.size() < line.size() && is_told(name, whole)) {
            visit(name, http::without_blanks_around(line.substr(name.size() + 1)));
        }
    }
}

http::Target target_in(std::string_view head) {
    const std::string_view line = head.substr(0, head.find('\r'));
    const std::size_t begin = std::min(line.find(' '), line.size() - 1) + 1;
    return http::split_target(line.substr(begin, line.find(' ', begin) - begin))
        .value_or(http::Target{.path = "/", .query = {}});
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

/// With its length in front, so that no two lists of fields have the same bytes.
void append_field(std::string& out, std::string_view field) {
    out.append(std::to_string(field.size())).append(":").append(field);
}

} // namespace

std::string subrequest(std::string_view head, const wire::IdList& ids, const Url& url) {
    if (head.empty()) {
        return {};
    }
    std::string out = "GET " + url.target + " HTTP/1.1\r\n";
    append_header(out, "Host", url.authority);
    const http::Target target = target_in(head);
    std::string uri(target.path);
    if (!target.query.empty()) {
        uri.append("?").append(target.query);
    }
    append_header(out, "X-Original-URI", uri);
    ids.for_each([&out](std::string_view id) { append_header(out, "Zcomet-Id", id); });
    for_each_told(head, [&out](std::string_view name, std::string_view value) {
        append_header(out, name, value);
    });
    return out.append("\r\n");
}

CacheKey cache_key(std::string_view head, const wire::IdList& ids) {
    if (head.empty()) {
        return {};
    }
    std::string text;
    ids.for_each([&text](std::string_view id) { append_field(text, id); });
    text.append("\n");
    for_each_told(head, [&text](std::string_view name, std::string_view value) {
        if (!is_one_of(kNoCredentials, name) && !begins_with(name, kOfFetches)) {
            append_field(text, name);
            append_field(text, value);
        }
    });
    text.append("\n");
    for (std::string_view query = target_in(head).query; !query.empty();) {
        const std::string_view one = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(one.size() + 1, query.size()));
        const std::string_view name = one.substr(0, one.find('='));
        if (std::find(kNoCredentialParameters.begin(), kNoCredentialParameters.end(), name) ==
            kNoCredentialParameters.end()) {
            append_field(text, one);
        }
    }
    return crypto::sha256(text);
}

} // namespace zcomet::webnode::hook

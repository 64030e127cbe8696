// Fuzz target: Host and Origin. The first byte says what the rest is: N the value of Host, G a name
// that an operator gives, O an origin, R the head of a request.
//
// A host that is served is an address, localhost, or a name that was given. Neither its port, nor
// upper case, nor a dot at its end changes that. A given name is served under itself. An allowed
// origin is served, and none that differs from it. The head of a request is served exactly if its
// host is.
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/host/authority.hpp"
#include "topology/host/host_names.hpp"
#include "topology/http/cors.hpp"
#include "topology/http/page_guard.hpp"

#include <algorithm>
#include <string>

using namespace zcomet;

namespace {

const std::string kGiven = "comet.example";
const std::string kBelow = ".tenants.example";

const host::HostNames& names() {
    static const host::HostNames names({kGiven, "*" + kBelow});
    return names;
}

std::string in_upper_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; });
    return text;
}

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() > end.size() &&
           equals_ignoring_case(text.substr(text.size() - end.size()), end);
}

void check_host(const std::string& text) {
    const auto authority = host::read_authority(text);
    const bool is_served = names().allow(text);
    ZCOMET_ASSERT(host::valid_host(text) == (authority.has_value() || text.empty()));
    ZCOMET_ASSERT(authority || !is_served);
    ZCOMET_ASSERT(!host::names_loopback(text) || is_served);
    if (!authority) {
        return;
    }
    std::string host(authority->host);
    const std::string whole = authority->is_in_brackets ? "[" + host + "]" : host;
    ZCOMET_ASSERT(text.starts_with(whole) && text.size() <= whole.size() + 6);
    for (const std::string& other : {whole, whole + ":", whole + ":65535", in_upper_case(text)}) {
        ZCOMET_ASSERT(names().allow(other) == is_served);
    }
    host.resize(host.size() - (host.ends_with('.') ? 1 : 0));
    const bool is_wanted = host::is_address(*authority) ||
                           equals_ignoring_case(host, "localhost") ||
                           ends_with(host, ".localhost") || equals_ignoring_case(host, kGiven) ||
                           ends_with(host, kBelow);
    ZCOMET_ASSERT(is_served == is_wanted);
    ZCOMET_ASSERT(host::HostNames({"*"}).allow(text));
}

void check_given(const std::string& name) {
    const std::string why = host::why_no_host_name(name);
    ZCOMET_ASSERT(why.size() < 200);
    if (why.empty()) {
        const host::HostNames given({name});
        const std::string one = name == "*"              ? "a"
                                : name.starts_with("*.") ? "a" + name.substr(1)
                                                         : name;
        ZCOMET_ASSERT(given.allow(one) && given.allow(one + ":80"));
        ZCOMET_ASSERT(given.allow("evil.invalid") ==
                      (name == "*" || equals_ignoring_case(name, "evil.invalid") ||
                       equals_ignoring_case(name, "evil.invalid.") ||
                       equals_ignoring_case(name, "*.invalid") ||
                       equals_ignoring_case(name, "*.invalid.")));
    }
}

void check_origin(const std::string& origin) {
    if (!http::why_no_origin(origin).empty() || origin == "*") {
        return;
    }
    http::PageGuard guard;
    guard.allow_only({origin});
    const auto is_served = [&guard](const std::string& from) {
        return !guard.refusal("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: " + from + "\r\n\r\n");
    };
    ZCOMET_ASSERT(is_served(origin));
    ZCOMET_ASSERT(!is_served(origin + "0") && !is_served("x" + origin) && !is_served("null"));
}

void check_request(const std::string& head) {
    http::PageGuard guard;
    guard.use(names());
    const std::string_view host = http::host_in(head);
    const auto refusal = guard.refusal(head);
    ZCOMET_ASSERT(refusal.has_value() == (!host.empty() && !names().allow(host)));
    ZCOMET_ASSERT(!refusal || refusal->status == http::kMisdirected);
    ZCOMET_ASSERT(guard.last_host().size() <= kLogValueBytesMax);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [letter, text] = fuzz::lettered(data, size);
    switch (letter) {
    case 'N':
        check_host(text);
        break;
    case 'G':
        check_given(text);
        break;
    case 'O':
        check_origin(text);
        break;
    case 'R':
        check_request(text);
        break;
    default:
        break;
    }
    return 0;
}

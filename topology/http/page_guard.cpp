#include "topology/http/page_guard.hpp"

#include "topology/base/text.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::http {

namespace {

constexpr std::string_view kOtherName =
    "this server is not known by the name in Host; its operator adds names with --http-name";

} // namespace

std::string_view host_in(std::string_view head) {
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    const std::size_t begin = std::min(line.find(' '), line.size());
    const std::string_view rest = line.substr(std::min(begin + 1, line.size()));
    const std::string_view target = rest.substr(0, rest.find(' '));
    const std::string_view authority = authority_of(target);
    return authority.empty() ? header_in(head, "Host") : authority;
}

PageGuard::PageGuard(host::HostNames names) : names_(std::move(names)) {}

void PageGuard::use(host::HostNames names) {
    names_ = std::move(names);
}

void PageGuard::allow_only(std::vector<std::string> origins) {
    origins_ = std::move(origins);
}

std::optional<Reply> PageGuard::refusal(std::string_view head) {
    const std::string_view host = host_in(head);
    if (!host.empty() && !names_.allow(host)) {
        last_host_ = host.substr(0, kLogValueBytesMax);
        return error_reply(kMisdirected, kOtherName);
    }
    const std::string_view origin = origins_ ? header_in(head, "Origin") : std::string_view();
    if (!origin.empty() &&
        std::find(origins_->begin(), origins_->end(), origin) == origins_->end()) {
        return error_reply(403, "pages of this origin may not use this address");
    }
    return std::nullopt;
}

} // namespace zcomet::http

#include "topology/http/page_guard.hpp"

#include "topology/http/headers.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::http {

PageGuard::PageGuard(std::vector<std::string> origins, Hosts hosts)
    : origins_(std::move(origins)), hosts_(hosts) {}

std::optional<Reply> PageGuard::refusal(std::string_view head) const {
    const std::string_view origin = header_in(head, "Origin");
    const std::string_view host = header_in(head, "Host");
    const bool is_of_page = !origin.empty();
    if (is_of_page && std::find(origins_.begin(), origins_.end(), origin) == origins_.end()) {
        return error_reply(403, "pages of this origin may not use this address");
    }
    // Without any Host it is no browser.
    if ((is_of_page || hosts_ == Hosts::kLoopback) && !host.empty() && !names_loopback(host)) {
        return error_reply(403, "this address is for localhost; the request's Host has another "
                                "name");
    }
    return std::nullopt;
}

} // namespace zcomet::http

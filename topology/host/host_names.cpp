#include "topology/host/host_names.hpp"

#include "topology/base/text.hpp"
#include "topology/host/authority.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::host {

namespace {

constexpr std::string_view kAll = "*";
constexpr std::string_view kAllBelow = "*.";
constexpr std::string_view kLocalhost = "localhost";
constexpr std::string_view kBelowLocalhost = ".localhost"; // RFC 6761, section 6.3

std::string_view without_last_dot(std::string_view name) {
    name.remove_suffix(name.ends_with('.') ? 1 : 0);
    return name;
}

bool ends_with(std::string_view name, std::string_view suffix) {
    return name.size() > suffix.size() &&
           equals_ignoring_case(name.substr(name.size() - suffix.size()), suffix);
}

} // namespace

std::string why_no_host_name(std::string_view text) {
    if (text == kAll) {
        return {};
    }
    text.remove_prefix(text.starts_with(kAllBelow) ? kAllBelow.size() : 0);
    const auto authority = read_authority(text);
    const bool is_name = authority && authority->host.size() == text.size() &&
                         !without_last_dot(text).empty() && !text.starts_with('.') &&
                         text.find('*') == std::string_view::npos;
    return is_name ? std::string()
                   : "a name has neither scheme nor port, as in comet.example.org; "
                     "*.example.org is every name below that, and * every name";
}

HostNames::HostNames(std::vector<std::string> names) {
    for (std::string& name : names) {
        name.resize(without_last_dot(name).size());
        if (name == kAll) {
            allows_all_ = true;
        } else if (name.starts_with(kAllBelow)) {
            suffixes_.push_back(name.substr(1));
        } else {
            names_.push_back(std::move(name));
        }
    }
}

bool HostNames::allow(std::string_view authority) const {
    const auto read = read_authority(authority);
    if (!read) {
        return false;
    }
    if (allows_all_ || is_address(*read)) {
        return true;
    }
    if (read->is_in_brackets) {
        return false;
    }
    const std::string_view name = without_last_dot(read->host);
    return equals_ignoring_case(name, kLocalhost) || ends_with(name, kBelowLocalhost) ||
           std::any_of(
               names_.begin(), names_.end(),
               [name](const std::string& one) { return equals_ignoring_case(name, one); }) ||
           std::any_of(suffixes_.begin(), suffixes_.end(),
                       [name](const std::string& suffix) { return ends_with(name, suffix); });
}

} // namespace zcomet::host

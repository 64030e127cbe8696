#include "topology/http/target.hpp"

#include "topology/base/text.hpp"
#include "topology/host/authority.hpp"

#include <algorithm>
#include <cstddef>

namespace zcomet::http {

namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kHexDigits = "0123456789ABCDEFabcdef";

bool has_scheme(std::string_view target) {
    return equals_ignoring_case(target.substr(0, kScheme.size()), kScheme);
}

bool consists_of(std::string_view text, std::string_view characters) {
    return text.find_first_not_of(characters) == std::string_view::npos;
}

/// Whether a "%" is at `at`, with two hexadecimal digits behind it.
bool is_escape(std::string_view text, std::size_t at) {
    return text.size() - at >= 3 && consists_of(text.substr(at + 1, 2), kHexDigits);
}

bool valid_characters(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c <= ' ' || c > '~' || c == '#' || (c == '%' && !is_escape(text, at))) {
            return false;
        }
    }
    return true;
}

/// How many bytes of `text`, which are valid characters, stand for `c` at its beginning; 0: none.
std::size_t bytes_of(std::string_view text, char c, std::string_view escape) {
    if (text.starts_with(c)) {
        return 1;
    }
    return equals_ignoring_case(text.substr(0, escape.size()), escape) ? escape.size() : 0;
}

/// An escaped "/" counts as one: some readers decode a path before they look for segments.
bool has_dot_segment(std::string_view path) {
    std::size_t dots = 0;
    bool only_dots = false; // since the last "/"
    while (!path.empty()) {
        if (const std::size_t slash = bytes_of(path, '/', "%2f"); slash > 0) {
            if (only_dots && (dots == 1 || dots == 2)) {
                return true;
            }
            dots = 0;
            only_dots = true;
            path.remove_prefix(slash);
            continue;
        }
        const std::size_t dot = bytes_of(path, '.', "%2e");
        ++dots;
        only_dots = only_dots && dot > 0;
        path.remove_prefix(std::max<std::size_t>(dot, 1));
    }
    return only_dots && (dots == 1 || dots == 2);
}

} // namespace

std::optional<Target> split_target(std::string_view target) {
    if (has_scheme(target)) {
        target.remove_prefix(kScheme.size() + authority_of(target).size());
    } else if (!target.starts_with('/')) {
        return std::nullopt;
    }
    const std::size_t path_bytes = std::min(target.find('?'), target.size());
    return Target{.path = path_bytes == 0 ? std::string_view("/") : target.substr(0, path_bytes),
                  .query = target.substr(std::min(path_bytes + 1, target.size()))};
}

bool valid_target(std::string_view target) {
    if (has_scheme(target)) {
        const std::string_view authority = authority_of(target);
        if (authority.empty() || !host::valid_host(authority)) {
            return false;
        }
    }
    const std::optional<Target> parts = split_target(target);
    return parts && valid_characters(parts->path) && valid_characters(parts->query) &&
           !has_dot_segment(parts->path);
}

std::string_view authority_of(std::string_view target) {
    if (!has_scheme(target)) {
        return {};
    }
    target.remove_prefix(kScheme.size());
    return target.substr(0, target.find_first_of("/?"));
}

} // namespace zcomet::http

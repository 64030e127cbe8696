// The target of a request line: RFC 9112, section 3, and RFC 3986.
//
// The rules are stricter than these where two readers, such as a proxy that allows by path and this
// server, could understand a target differently.
#pragma once

#include <optional>
#include <string_view>

namespace zcomet::http {

/// The part of a target that names a page: "/path" and, after the first "?", the query.
struct Target {
    std::string_view path;  ///< as it came, not decoded; never empty
    std::string_view query; ///< as it came, without its "?"
};

/// Splits a target in origin form ("/path?query") or in absolute form ("http://host/path?query",
/// the scheme in any case).
/// @return views into `target`, or of a constant; nothing if it has another form or another scheme.
[[nodiscard]] std::optional<Target> split_target(std::string_view target);

/// Whether a target names a page in one way only: it can be split, its host is valid, it consists
/// of visible ASCII characters without "#", each "%" begins an escape of two hexadecimal digits,
/// and no segment of the path is "." or "..", escaped or not.
[[nodiscard]] bool valid_target(std::string_view target);

/// The host, with its port, of a target in absolute form; empty: it has another form.
[[nodiscard]] std::string_view authority_of(std::string_view target);

} // namespace zcomet::http

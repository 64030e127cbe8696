// Header lines of a request, read as bytes.
#pragma once

#include <string_view>
#include <vector>

namespace zcomet::http {

/// Whether a comma-separated list has `token` as one of its items, in any case.
[[nodiscard]] bool list_has(std::string_view list, std::string_view token);

/// The value of the first header with this name, in any case, without blanks around it.
/// @param head  a request from its request line on; the search ends at the empty line.
/// @return empty if there is no such header, or it has no value.
[[nodiscard]] std::string_view header_in(std::string_view head, std::string_view name);

/// The values of all headers with this name, in their order; otherwise as header_in().
[[nodiscard]] std::vector<std::string_view> headers_in(std::string_view head,
                                                       std::string_view name);

/// Spaces, tabs and the line's end do not count there.
[[nodiscard]] std::string_view without_blanks_around(std::string_view text);

/// Whether one of the headers is Connection, with "close" in its list. `head` as for header_in().
[[nodiscard]] bool says_connection_close(std::string_view head);

/// Whether to hide this header line from cpp-httplib, whose reaction to it would do harm here.
[[nodiscard]] bool hidden_from_library(std::string_view line);

} // namespace zcomet::http

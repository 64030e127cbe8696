#include "topology/http/headers.hpp"

#include "topology/base/text.hpp"

#include <algorithm>
#include <array>

namespace zcomet::http {

namespace {

/// Calls `visit(value)` for each header line with this name, until that returns true or the empty
/// line comes.
template <typename Visit>
void for_headers_until(std::string_view head, std::string_view wanted, Visit&& visit) {
    while (!head.empty()) {
        const std::size_t line_bytes = std::min(head.find('\n'), head.size() - 1) + 1;
        const std::string_view line = head.substr(0, line_bytes);
        head.remove_prefix(line_bytes);
        const bool has_name = line.size() > wanted.size() && line[wanted.size()] == ':' &&
                              equals_ignoring_case(line.substr(0, wanted.size()), wanted);
        if (line == "\r\n" ||
            (has_name && visit(without_blanks_around(line.substr(wanted.size() + 1))))) {
            return;
        }
    }
}

} // namespace

std::string_view without_blanks_around(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

bool list_has(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (equals_ignoring_case(without_blanks_around(list.substr(0, comma)), token)) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

std::string_view header_in(std::string_view head, std::string_view wanted) {
    std::string_view found;
    for_headers_until(head, wanted, [&found](std::string_view value) {
        found = value;
        return true;
    });
    return found;
}

std::vector<std::string_view> headers_in(std::string_view head, std::string_view name) {
    std::vector<std::string_view> values;
    for_headers_until(head, name, [&values](std::string_view value) {
        values.push_back(value);
        return false;
    });
    return values;
}

bool says_connection_close(std::string_view head) {
    bool says_so = false;
    for_headers_until(head, "connection", [&says_so](std::string_view value) {
        says_so = list_has(value, "close");
        return says_so;
    });
    return says_so;
}

/// Range and If-Range would cut up streams, and are matched with a regular expression;
/// Expect makes the library write a "100 Continue" of its own (RequestReader has seen to that);
/// Accept-Encoding makes it announce a compressed stream, although the chunks are not compressed;
/// Content-Encoding makes it unpack bodies without a bound;
/// Transfer-Encoding makes it wait for chunks (the body is one piece by then);
/// multipart bodies are read with regular expressions, which overflow the stack on a long line.
bool hidden_from_library(std::string_view line) {
    static constexpr std::array<std::string_view, 6> kHiddenNames = {
        "Range", "If-Range", "Expect", "Accept-Encoding", "Content-Encoding", "Transfer-Encoding"};
    const std::string_view name = line.substr(0, line.find(':'));
    if (equals_ignoring_case(name, "Content-Type")) {
        constexpr std::string_view kMultipart = "multipart/";
        const std::size_t value =
            std::min(line.find_first_not_of(" \t", name.size() + 1), line.size());
        return equals_ignoring_case(line.substr(value, kMultipart.size()), kMultipart);
    }
    return std::any_of(kHiddenNames.begin(), kHiddenNames.end(), [name](std::string_view hidden) {
        return equals_ignoring_case(name, hidden);
    });
}

} // namespace zcomet::http

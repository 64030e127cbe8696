// The head of an HTTP response, for comparisons in which the order of its headers does not matter:
// cpp-httplib 0.18 (Debian 13) writes them in any order. Nor does the Date, which changes.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace zcomet::test {

/// The lines of the head: the status line, then the headers sorted, without the Date.
inline std::vector<std::string> head_lines(const std::string& response) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < response.size();) {
        const std::size_t end = response.find("\r\n", begin);
        if (end == std::string::npos || end == begin) {
            break;
        }
        const std::string line = response.substr(begin, end - begin);
        if (!line.starts_with("Date: ")) {
            lines.push_back(line);
        }
        begin = end + 2;
    }
    if (!lines.empty()) {
        std::sort(lines.begin() + 1, lines.end());
    }
    return lines;
}

} // namespace zcomet::test

// Bytes written as in docs/PROTOCOL.md.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

namespace zcomet::test {

/// "5a 43" as two bytes; white space is ignored.
inline std::string from_hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != ' ' && c != '\n') {
            digits.push_back(c);
        }
    }
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::strtol(digits.substr(i, 2).c_str(), nullptr, 16)));
    }
    return bytes;
}

} // namespace zcomet::test

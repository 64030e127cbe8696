#include "topology/base/text.hpp"

#include <algorithm>

namespace zcomet {

namespace {

bool is_printable(char c) {
    return c > ' ' && c <= '~';
}

/// Words that need no quotation marks in a log line.
bool is_plain_word(std::string_view text) {
    return !text.empty() && text.size() <= kLogValueBytesMax &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return is_printable(c) && c != '"' && c != '\\' && c != '='; });
}

void append_escaped(std::string& out, char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    switch (c) {
    case '"':
    case '\\':
        out.append(1, '\\').append(1, c);
        return;
    case '\n':
        out.append("\\n");
        return;
    case '\r':
        out.append("\\r");
        return;
    case '\t':
        out.append("\\t");
        return;
    default:
        break;
    }
    if (c == ' ' || is_printable(c)) {
        out.append(1, c);
        return;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append("\\x").append(1, kDigits[byte >> 4U]).append(1, kDigits[byte & 0xFU]);
}

} // namespace

std::string in_one_line(std::string_view text) {
    constexpr auto kFirstOfC1 = static_cast<char>(0xC2); // U+0080 to U+009F are C2 80 to C2 9F
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
        if (text[i] == kFirstOfC1 && next >= 0x80 && next < 0xA0) {
            append_escaped(out, text[i]);
            append_escaped(out, text[++i]);
        } else if (byte < 0x20 || byte == 0x7F) {
            append_escaped(out, text[i]);
        } else {
            out.append(1, text[i]);
        }
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    return '"' + in_one_line(text) + '"';
}

bool is_printable_name(std::string_view text, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max &&
           std::all_of(text.begin(), text.end(), is_printable);
}

std::string log_value(std::string_view text) {
    if (is_plain_word(text)) {
        return std::string(text);
    }
    std::string out(1, '"');
    for (const char c : text.substr(0, kLogValueBytesMax)) {
        append_escaped(out, c);
    }
    if (text.size() > kLogValueBytesMax) {
        out.append("... (").append(std::to_string(text.size())).append(" bytes)");
    }
    return out.append(1, '"');
}

} // namespace zcomet

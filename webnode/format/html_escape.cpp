#include "webnode/format/html_escape.hpp"

#include <array>
#include <cstddef>

namespace zcomet::webnode::format {

namespace {

constexpr std::array<std::string_view, 256> make_replacements() {
    std::array<std::string_view, 256> replacements{};
    for (std::size_t c = 0; c < 0x20; ++c) {
        replacements[c] = "\xEF\xBF\xBD"; // U+FFFD
    }
    replacements[0x7F] = "\xEF\xBF\xBD";
    for (const char c : {'\t', '\n', '\r'}) {
        replacements[static_cast<unsigned char>(c)] = {};
    }
    replacements['&'] = "&amp;";
    replacements['<'] = "&lt;";
    replacements['>'] = "&gt;";
    replacements['"'] = "&quot;";
    replacements['\''] = "&#39;";
    return replacements;
}

/// By byte: its replacement; empty for a byte that stays.
constexpr std::array<std::string_view, 256> kReplacements = make_replacements();

} // namespace

void append_html_escaped(std::string& out, std::string_view text) {
    std::size_t copied = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view replacement = kReplacements[static_cast<unsigned char>(text[i])];
        if (!replacement.empty()) {
            out.append(text, copied, i - copied);
            out.append(replacement);
            copied = i + 1;
        }
    }
    out.append(text, copied);
}

} // namespace zcomet::webnode::format

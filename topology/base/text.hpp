// Small questions about text, and text inside other text: messages for people, lines of a log.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace zcomet {

/// The text with each control character as `\n`, `\r`, `\t` or `\xNN`, so that a message stays one
/// line and commands no terminal. Those are ASCII's, and U+0080 to U+009F in UTF-8. Everything
/// else, UTF-8 included, is unchanged. Whatever came over the wire passes through this before it is
/// printed.
[[nodiscard]] std::string in_one_line(std::string_view text);

/// The same between two quotation marks, for messages that quote what the user wrote.
/// Not called `quoted`: a call with a std::string would find std::quoted as well.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// Whether `text` may name a node, a sender or a broker: 1 to `bytes_max` printable ASCII
/// characters, none of them a space.
[[nodiscard]] bool is_printable_name(std::string_view text, std::size_t bytes_max);

/// Upper and lower case of ASCII letters are the same, whatever the locale says.
[[nodiscard]] inline bool equals_ignoring_case(std::string_view one, std::string_view other) {
    constexpr auto kInLowerCase = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    return std::equal(
        one.begin(), one.end(), other.begin(), other.end(),
        [kInLowerCase](char a, char b) { return kInLowerCase(a) == kInLowerCase(b); });
}

/// A longer value is cut in a log line.
/// @limit bytes of a peer's text in a log line
inline constexpr std::size_t kLogValueBytesMax = 256;

/// `text`, which may come from a peer, as the value of a `key=value` pair of a log line: it can
/// neither end the line nor look like another pair. A plain word is unchanged. Any other text is
/// put in quotation marks, with `\"`, `\\`, `\n`, `\r`, `\t`, and `\xNN` for all that is not
/// printable ASCII (a terminal takes some of it for commands). A text of more than
/// kLogValueBytesMax bytes is cut, and ends with "..." and the number of all its bytes.
[[nodiscard]] std::string log_value(std::string_view text);

} // namespace zcomet

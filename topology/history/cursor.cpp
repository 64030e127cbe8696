#include "topology/history/cursor.hpp"

#include <array>
#include <charconv>

namespace zcomet::history {

namespace {

constexpr int kBase = 36;
constexpr std::size_t kDigitsMax = 13; // of 2^64 - 1

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, kDigitsMax> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, kBase).ptr;
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

/// Takes a number in the one form that append_number() gives it.
std::optional<std::uint64_t> read_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number, kBase);
    if (read.ec != std::errc{} || read.ptr != end) {
        return std::nullopt;
    }
    std::string again;
    append_number(again, number);
    return again == text ? std::optional(number) : std::nullopt;
}

} // namespace

void append_cursor(std::string& out, const Cursor& cursor) {
    append_number(out, cursor.epoch);
    out.push_back('-');
    append_number(out, cursor.position);
}

std::string text_of(const Cursor& cursor) {
    std::string text;
    append_cursor(text, cursor);
    return text;
}

std::optional<Cursor> read_cursor(std::string_view text) {
    const std::size_t hyphen = text.find('-');
    if (hyphen == std::string_view::npos || text.size() > kCursorBytesMax) {
        return std::nullopt;
    }
    const auto epoch = read_number(text.substr(0, hyphen));
    const auto position = read_number(text.substr(hyphen + 1));
    if (!epoch || !position || *epoch == 0) {
        return std::nullopt;
    }
    return Cursor{*epoch, *position};
}

} // namespace zcomet::history

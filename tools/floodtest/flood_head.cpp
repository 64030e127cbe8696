#include "tools/floodtest/flood_head.hpp"

namespace zcomet::tools::floodtest {

namespace {

constexpr std::string_view kVersion = "HTTP/1.";
/// The line that says that a body is chunked, without the blanks after the colon.
constexpr std::string_view kChunkedLine = "transfer-encoding:chunked";
/// Columns of the three digits in "HTTP/1.1 200 OK".
constexpr std::uint16_t kStatusColumn = 9;
constexpr std::uint16_t kStatusColumnEnd = 12;

[[nodiscard]] char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

FloodHead::Event FloodHead::next(std::string_view& bytes) {
    while (!bytes.empty()) {
        const char c = bytes.front();
        bytes.remove_prefix(1);
        if (++length_ > kHeadBytesMax) {
            return Event::kBad;
        }
        if (c == '\r') {
            continue;
        }
        if (c != '\n') {
            if (in_status_line_ && !read_status_byte(c)) {
                return Event::kBad;
            }
            if (!in_status_line_) {
                read_field_byte(c);
            }
            ++column_;
            continue;
        }
        if (in_status_line_ && column_ < kStatusColumnEnd) {
            return Event::kBad;
        }
        if (column_ == 0) {
            return Event::kDone;
        }
        end_line();
    }
    return Event::kNeedMore;
}

bool FloodHead::read_status_byte(char c) {
    if (column_ < kVersion.size()) {
        return c == kVersion[column_];
    }
    if (column_ == kStatusColumn - 1) {
        return c == ' ';
    }
    if (column_ < kStatusColumn || column_ >= kStatusColumnEnd) {
        return true;
    }
    const char lowest = column_ == kStatusColumn ? '1' : '0';
    status_ = static_cast<std::uint16_t>(status_ * 10 + (c - '0'));
    return c >= lowest && c <= '9';
}

void FloodHead::read_field_byte(char c) {
    const bool blank = c == ' ' || c == '\t';
    const bool in_value = matched_ > 0 && kChunkedLine[matched_ - 1U] == ':';
    const bool at_end = matched_ == kChunkedLine.size();
    if (differs_ || (blank && (in_value || at_end))) {
        return;
    }
    if (at_end || lower(c) != kChunkedLine[matched_]) {
        differs_ = true;
        return;
    }
    ++matched_;
}

void FloodHead::end_line() {
    chunked_ = chunked_ || (!differs_ && matched_ == kChunkedLine.size());
    in_status_line_ = false;
    differs_ = false;
    matched_ = 0;
    column_ = 0;
}

} // namespace zcomet::tools::floodtest

#include "tools/floodtest/chunk_parser.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace zcomet::tools::floodtest {

namespace {

constexpr std::string_view kStampMark = " ts=";
/// Chunks without a message begin with one of these, none of which begins with another: signs of
/// life, the head of a comet page, when an EventSource comes back, where it stands, gaps.
constexpr std::array<std::string_view, 8> kNoMessage{
    "\n", ":", "<!doctype", "retry:", "event: position\n", "<em>", "event: gap\n", "{\"gap\":"};
constexpr std::uint8_t kSizeDigitsMax = 8;
/// 19 digits always fit in 64 bits, and last until the year 2286.
constexpr std::uint8_t kStampDigitsMax = 19;

[[nodiscard]] bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// @return 0 to 15, or -1 if `c` is no hexadecimal digit.
[[nodiscard]] int hex_value(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = static_cast<char>(static_cast<unsigned char>(c) | 0x20U);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

} // namespace

ChunkParser::Event ChunkParser::next(std::string_view& bytes, std::string* data) {
    while (state_ != State::kEnd && state_ != State::kBad) {
        if (bytes.empty()) {
            return Event::kNeedMore;
        }
        if (state_ == State::kData) {
            const auto count = std::min<std::size_t>(remaining_, bytes.size());
            read_data(bytes.substr(0, count));
            if (data != nullptr) {
                data->append(bytes.substr(0, count));
            }
            bytes.remove_prefix(count);
            continue;
        }
        const State before = state_;
        const char c = bytes.front();
        bytes.remove_prefix(1);
        state_ = before == State::kSize ? after_size_byte(c) : after_framing_byte(c);
        if (before == State::kDataLf && state_ == State::kSize) {
            return Event::kChunk;
        }
    }
    return state_ == State::kEnd ? Event::kEnd : Event::kBad;
}

ChunkParser::State ChunkParser::after_size_byte(char c) {
    const int value = hex_value(c);
    if (value >= 0) {
        remaining_ = (size_digits_ == 0 ? 0 : remaining_ * 16) + static_cast<std::uint32_t>(value);
        ++size_digits_;
        const bool within = size_digits_ <= kSizeDigitsMax && remaining_ <= kChunkBytesMax;
        return within ? State::kSize : State::kBad;
    }
    if (size_digits_ == 0) {
        return State::kBad;
    }
    if (c == '\r') {
        return State::kSizeLf;
    }
    // RFC 9112 allows blanks before an extension, although servers send none.
    return c == ';' || c == ' ' || c == '\t' ? State::kExtension : State::kBad;
}

ChunkParser::State ChunkParser::after_framing_byte(char c) {
    const auto expect = [c](char wanted, State then) { return c == wanted ? then : State::kBad; };
    switch (state_) {
    case State::kExtension:
        if (c == '\n') {
            return State::kBad;
        }
        return c == '\r' ? State::kSizeLf : State::kExtension;
    case State::kSizeLf:
        return c == '\n' ? begin_data() : State::kBad;
    case State::kDataCr:
        return expect('\r', State::kDataLf);
    case State::kDataLf:
        size_digits_ = 0;
        return expect('\n', State::kSize);
    case State::kTrailerStart:
        return c == '\r' ? State::kEndLf : State::kTrailer;
    case State::kTrailer:
        return c == '\n' ? State::kTrailerStart : State::kTrailer;
    case State::kEndLf:
        return expect('\n', State::kEnd);
    case State::kSize:
    case State::kData:
    case State::kEnd:
    case State::kBad:
        break;
    }
    return State::kBad;
}

ChunkParser::State ChunkParser::begin_data() {
    stamp_ = 0;
    matched_ = 0;
    has_message_ = true;
    is_beginning_ = true;
    beginning_ = 0;
    beginning_bytes_ = 0;
    return remaining_ == 0 ? State::kTrailerStart : State::kData;
}

void ChunkParser::read_data(std::string_view data) {
    for (std::size_t i = 0; is_beginning_ && i < data.size(); ++i) {
        read_beginning_byte(data[i]);
    }
    remaining_ -= static_cast<std::uint32_t>(data.size());
    while (!data.empty()) {
        if (matched_ == 0) {
            const std::size_t blank = data.find(kStampMark.front());
            if (blank == std::string_view::npos) {
                break;
            }
            data.remove_prefix(blank);
        }
        read_stamp_byte(data.front());
        data.remove_prefix(1);
    }
    if (remaining_ == 0) {
        finish_stamp();
        state_ = State::kDataCr;
    }
}

void ChunkParser::read_beginning_byte(char c) {
    const std::string_view so_far = kNoMessage[beginning_].substr(0, beginning_bytes_);
    std::uint8_t kind = beginning_;
    while (kind < kNoMessage.size() &&
           !(kNoMessage[kind].starts_with(so_far) && kNoMessage[kind][so_far.size()] == c)) {
        ++kind;
    }
    is_beginning_ = kind < kNoMessage.size();
    if (!is_beginning_) {
        return;
    }
    beginning_ = kind & 0xFU;
    ++beginning_bytes_;
    if (beginning_bytes_ == kNoMessage[kind].size()) {
        has_message_ = false;
        is_beginning_ = false;
    }
}

void ChunkParser::read_stamp_byte(char c) {
    if (matched_ == kStampMark.size()) {
        if (is_digit(c) && stamp_digits_ <= kStampDigitsMax) {
            digits_ = digits_ * 10 + static_cast<std::uint64_t>(c - '0');
            ++stamp_digits_;
            return;
        }
        finish_stamp();
    }
    if (c == kStampMark[matched_]) {
        ++matched_;
        digits_ = 0;
        stamp_digits_ = 0;
        return;
    }
    // The mark's first byte occurs nowhere else in it, so only that can begin a new match.
    matched_ = c == kStampMark.front() ? 1 : 0;
}

void ChunkParser::finish_stamp() {
    const bool whole = matched_ == kStampMark.size() && stamp_digits_ > 0;
    if (whole && stamp_digits_ <= kStampDigitsMax) {
        stamp_ = digits_;
    }
    matched_ = 0;
}

} // namespace zcomet::tools::floodtest

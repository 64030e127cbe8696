#include "topology/http/request_reader.hpp"

#include "topology/base/text.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace zcomet::http {

namespace {

constexpr std::size_t kCrlfBytes = 2;

/// What a byte may be part of.
struct ByteClass {
    bool text = false;  ///< any line: everything but control characters; HTAB is allowed
    bool token = false; ///< a method or a header's name: RFC 9110, section 5.6.2
};

constexpr std::array<ByteClass, 256> make_byte_classes() {
    std::array<ByteClass, 256> classes{};
    for (std::size_t c = 0x20; c < 256; ++c) {
        classes[c].text = c != 0x7F;
    }
    classes['\t'].text = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
        classes[static_cast<unsigned char>(c)].token = true;
    }
    return classes;
}

constexpr std::array<ByteClass, 256> kByteClasses = make_byte_classes();

ByteClass class_of(char c) {
    return kByteClasses[static_cast<unsigned char>(c)];
}

bool is_token(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return class_of(c).token; });
}

std::string_view without_blanks_around(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

RequestReader::Outcome refuse(int status) {
    return {RequestReader::Verdict::kRefuse, 0, status};
}

} // namespace

RequestReader::Outcome RequestReader::read(std::string_view so_far) {
    if (part_ != Part::kBody) {
        if (const int status = read_head(so_far); status != kFine) {
            return refuse(status);
        }
    }
    // From here on scanned_ is the head's length.
    if (part_ == Part::kBody && so_far.size() - scanned_ >= body_bytes_) {
        return {Verdict::kComplete, std::size_t{scanned_} + body_bytes_, 0};
    }
    return {};
}

bool RequestReader::take_body_wish() {
    const bool wish = part_ == Part::kBody && body_bytes_ > 0 && !body_asked_;
    body_asked_ = body_asked_ || wish;
    return wish;
}

bool RequestReader::take_continue_wish() {
    const bool wish = part_ == Part::kBody && expects_continue_;
    expects_continue_ = expects_continue_ && !wish;
    return wish;
}

int RequestReader::read_head(std::string_view so_far) {
    const std::size_t end = std::min(so_far.size(), kRequestHeadBytesMax);
    std::size_t at = scanned_;
    while (part_ != Part::kBody) {
        while (at < end && class_of(so_far[at]).text) {
            ++at;
        }
        scanned_ = static_cast<std::uint32_t>(at);
        if (part_ == Part::kRequestLine) {
            is_head_ = so_far.substr(line_start_).starts_with("HEAD ");
        }
        if (at < end && so_far[at] != '\r') {
            return 400; // a control character, or a line that ends in a bare LF
        }
        if (at + kCrlfBytes > end) {
            return check_unfinished(so_far.substr(line_start_, at - line_start_), end);
        }
        if (so_far[at + 1] != '\n') {
            return 400;
        }
        const std::string_view line = so_far.substr(line_start_, at - line_start_);
        at += kCrlfBytes;
        scanned_ = line_start_ = static_cast<std::uint32_t>(at);
        if (const int status = on_line(line); status != kFine) {
            return status;
        }
    }
    return kFine;
}

int RequestReader::check_unfinished(std::string_view line, std::size_t head_bytes) const {
    if (part_ == Part::kRequestLine) {
        if (!line.empty() && !class_of(line.front()).token) {
            return 400; // no method begins like this: not worth waiting for the rest
        }
        if (line.size() + kCrlfBytes > kRequestLineBytesMax) {
            return 414;
        }
    }
    const bool too_long = line.size() > kHeaderLineBytesMax || head_bytes == kRequestHeadBytesMax;
    return too_long ? 431 : kFine;
}

int RequestReader::on_line(std::string_view line) {
    if (part_ == Part::kRequestLine) {
        // RFC 9112, section 2.2: some clients send an empty line after the body of a POST.
        return line.empty() ? kFine : on_request_line(line);
    }
    return line.empty() ? on_head_end() : on_header_line(line);
}

int RequestReader::on_request_line(std::string_view line) {
    if (line.size() + kCrlfBytes > kRequestLineBytesMax) {
        return 414;
    }
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end = line.rfind(' ');
    if (method_end == std::string_view::npos || target_end <= method_end + 1 ||
        !is_token(line.substr(0, method_end))) {
        return 400;
    }
    const std::string_view method = line.substr(0, method_end);
    const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    if (target.find_first_of(" \t") != std::string_view::npos) {
        return 400;
    }
    const std::string_view version = line.substr(target_end + 1);
    if (version.substr(0, 5) != "HTTP/") {
        return 400;
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return 505;
    }
    // Other methods have other targets, and the front refuses them all.
    const bool names_page = method == "GET" || method == "HEAD" || method == "POST" ||
                            (method == "OPTIONS" && target != "*");
    if (names_page && !valid_target(target)) {
        return 400;
    }
    is_http_1_0_ = version == "HTTP/1.0";
    part_ = Part::kHeaders;
    return kFine;
}

int RequestReader::on_header_line(std::string_view line) {
    if (line.size() > kHeaderLineBytesMax || ++headers_ > kRequestHeadersMax) {
        return 431;
    }
    const std::size_t colon = line.find(':');
    // A blank before the colon or at the start (a folded line) is no token either.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return 400;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = without_blanks_around(line.substr(colon + 1));
    if (equals_ignoring_case(name, "host")) {
        return on_host(value);
    }
    if (equals_ignoring_case(name, "content-length")) {
        return on_content_length(value);
    }
    if (equals_ignoring_case(name, "transfer-encoding")) {
        has_transfer_encoding_ = true;
    } else if (equals_ignoring_case(name, "content-encoding")) {
        // A body of 1 MiB may unpack to a thousand times as much.
        return equals_ignoring_case(value, "identity") ? kFine : 415;
    } else if (equals_ignoring_case(name, "expect")) {
        expects_continue_ = equals_ignoring_case(value, "100-continue");
    }
    return kFine;
}

int RequestReader::on_content_length(std::string_view value) {
    const bool is_number = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return c >= '0' && c <= '9';
    });
    if (!is_number || has_length_) {
        return 400;
    }
    has_length_ = true;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), body_bytes_);
    return parsed.ec == std::errc() && body_bytes_ <= kRequestBodyBytesMax ? kFine : 413;
}

int RequestReader::on_host(std::string_view value) {
    if (has_host_ || !valid_host(value)) {
        return 400;
    }
    has_host_ = true;
    return kFine;
}

int RequestReader::on_head_end() {
    if (!has_host_ && !is_http_1_0_) {
        return 400;
    }
    if (has_transfer_encoding_) {
        return has_length_ ? 400 : 411;
    }
    expects_continue_ = expects_continue_ && !is_http_1_0_;
    part_ = Part::kBody;
    return kFine;
}

} // namespace zcomet::http

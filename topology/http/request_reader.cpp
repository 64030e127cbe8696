#include "topology/http/request_reader.hpp"

#include "topology/base/text.hpp"
#include "topology/host/authority.hpp"
#include "topology/http/byte_class.hpp"
#include "topology/http/chunks.hpp"
#include "topology/http/headers.hpp"
#include "topology/http/target.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace zcomet::http {

namespace {

constexpr std::size_t kCrlfBytes = 2;

RequestReader::Outcome refuse(int status) {
    return {RequestReader::Verdict::kRefuse, 0, status};
}

} // namespace

RequestReader::Outcome RequestReader::read(std::string_view so_far) {
    if (!head_is_whole()) {
        if (const int status = read_head(so_far); status != kFine) {
            return refuse(status);
        }
    }
    if (part_ == Part::kBody && so_far.size() - head_bytes_ >= body_bytes_) {
        return {Verdict::kComplete, std::size_t{head_bytes_} + body_bytes_, 0};
    }
    if (part_ > Part::kBody) {
        if (const int status = read_chunks(so_far); status != kFine) {
            return refuse(status);
        }
    }
    if (part_ == Part::kEnd) {
        return {Verdict::kComplete, scanned_, 0};
    }
    return {};
}

bool RequestReader::take_body_wish() {
    const bool wish = head_is_whole() && !body_asked_ && (body_bytes_ > 0 || is_chunked_);
    body_asked_ = body_asked_ || wish;
    return wish;
}

bool RequestReader::take_continue_wish() {
    const bool wish = head_is_whole() && expects_continue_;
    expects_continue_ = expects_continue_ && !wish;
    return wish;
}

RequestReader::Line RequestReader::read_line(std::string_view so_far) {
    std::size_t at = scanned_;
    while (at < so_far.size() && class_of(so_far[at]).text) {
        ++at;
    }
    scanned_ = static_cast<std::uint32_t>(at);
    const std::string_view text = so_far.substr(line_start_, at - line_start_);
    if (at < so_far.size() && so_far[at] != '\r') {
        return {400, false, text}; // a control character, or a line that ends in a bare LF
    }
    if (at + kCrlfBytes > so_far.size()) {
        return {kFine, false, text};
    }
    if (so_far[at + 1] != '\n') {
        return {400, false, text};
    }
    scanned_ = line_start_ = static_cast<std::uint32_t>(at + kCrlfBytes);
    return {kFine, true, text};
}

int RequestReader::read_head(std::string_view so_far) {
    so_far = so_far.substr(0, kRequestHeadBytesMax);
    while (!head_is_whole()) {
        const std::string_view begun = so_far.substr(line_start_);
        const bool is_request_line = part_ == Part::kRequestLine;
        const Line line = read_line(so_far);
        if (is_request_line) {
            is_head_ = begun.starts_with("HEAD ");
        }
        if (line.status != kFine) {
            return line.status;
        }
        if (!line.is_whole) {
            return check_unfinished(line.text, so_far.size());
        }
        if (const int status = on_line(line.text); status != kFine) {
            return status;
        }
    }
    head_bytes_ = scanned_;
    return kFine;
}

int RequestReader::read_chunks(std::string_view so_far) {
    while (part_ != Part::kEnd) {
        if (part_ == Part::kChunkData) {
            if (so_far.size() < std::size_t{line_start_} + kCrlfBytes) {
                return kFine;
            }
            if (so_far.substr(line_start_, kCrlfBytes) != "\r\n") {
                return 400;
            }
            scanned_ = line_start_ += kCrlfBytes;
            part_ = Part::kChunkSize;
        }
        const Line line = read_line(so_far);
        if (line.status != kFine) {
            return line.status;
        }
        if (scanned_ - head_bytes_ > body_bytes_ + kChunkFramingBytesMax) {
            return 413;
        }
        const int status = part_ == Part::kTrailers ? on_trailer_line(line) : on_chunk_line(line);
        if (status != kFine || !line.is_whole) {
            return status;
        }
    }
    return kFine;
}

int RequestReader::on_chunk_line(const Line& line) {
    if (line.text.size() > kChunkLineBytesMax) {
        return 413;
    }
    if (!line.is_whole) {
        return kFine;
    }
    const std::optional<std::uint32_t> size = chunk_size(line.text);
    if (!size) {
        return 400;
    }
    if (*size == 0) {
        part_ = Part::kTrailers;
        return kFine;
    }
    if (*size > kRequestBodyBytesMax - body_bytes_) {
        return 413;
    }
    body_bytes_ += *size;
    body_asked_ = false;
    line_start_ += *size;
    part_ = Part::kChunkData;
    return kFine;
}

int RequestReader::on_trailer_line(const Line& line) {
    if (line.text.size() > kHeaderLineBytesMax) {
        return 431;
    }
    if (!line.is_whole) {
        return kFine;
    }
    if (line.text.empty()) {
        part_ = Part::kEnd;
        return kFine;
    }
    if (++headers_ > kRequestHeadersMax) {
        return 431;
    }
    const std::size_t colon = line.text.find(':');
    const bool is_header = colon != std::string_view::npos && is_token(line.text.substr(0, colon));
    return is_header ? kFine : 400;
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
        return on_transfer_encoding(value);
    }
    if (equals_ignoring_case(name, "content-encoding")) {
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
    if (has_host_ || !host::valid_host(value)) {
        return 400;
    }
    has_host_ = true;
    return kFine;
}

int RequestReader::on_transfer_encoding(std::string_view value) {
    // "chunked" alone, in one header: a proxy in front may see only one of two.
    if (!is_chunked_ && equals_ignoring_case(value, "chunked")) {
        is_chunked_ = true;
        return kFine;
    }
    // RFC 9112, sections 6.1 and 6.3: the end of the body is known, but not how to decode it; or
    // not even its end.
    const std::size_t last = std::min(value.rfind(','), value.size());
    const bool ends_in_chunks =
        last < value.size() &&
        equals_ignoring_case(without_blanks_around(value.substr(last + 1)), "chunked");
    return ends_in_chunks && !list_has(value.substr(0, last), "chunked") ? 501 : 400;
}

int RequestReader::on_head_end() {
    if (!has_host_ && !is_http_1_0_) {
        return 400;
    }
    // RFC 9112, sections 6.1 and 6.3: a length beside chunks is an attack, or as good as one, and
    // HTTP/1.0 has no chunks.
    if (is_chunked_ && (has_length_ || is_http_1_0_)) {
        return 400;
    }
    expects_continue_ = expects_continue_ && !is_http_1_0_;
    part_ = is_chunked_ ? Part::kChunkSize : Part::kBody;
    return kFine;
}

} // namespace zcomet::http

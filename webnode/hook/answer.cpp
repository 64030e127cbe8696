#include "webnode/hook/answer.hpp"

#include "topology/base/text.hpp"
#include "topology/history/patterns.hpp"
#include "topology/http/byte_class.hpp"
#include "topology/http/headers.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

namespace zcomet::webnode::hook {

namespace {

constexpr std::string_view kEmptyLine = "\r\n\r\n";
constexpr std::string_view kVersion = "HTTP/1.";
constexpr int kOk = 200;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kSwitching = 101;
/// @limit bytes of the WWW-Authenticate that a hook's refusal has
constexpr std::size_t kChallengeBytesMax = 1024;
/// A time after the year 9999 is no time.
constexpr std::int64_t kExpiresMax = 253'402'300'799;

/// Digits and nothing else.
template <typename Number> std::optional<Number> number_in(std::string_view text) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const bool is_number =
        !text.empty() && text.front() != '-' && read.ec == std::errc{} && read.ptr == end;
    return is_number ? std::optional(number) : std::nullopt;
}

bool is_text(std::string_view line) {
    return std::all_of(line.begin(), line.end(), [](char c) { return http::class_of(c).text; });
}

/// "HTTP/1.1 200 OK"   @return 0: it is no such line.
int status_in(std::string_view line) {
    constexpr std::size_t kStatus = kVersion.size() + 2;
    const bool is_right = line.starts_with(kVersion) && line.size() >= kStatus + 3 &&
                          (line[kVersion.size()] == '0' || line[kVersion.size()] == '1') &&
                          line[kStatus - 1] == ' ' &&
                          (line.size() == kStatus + 3 || line[kStatus + 3] == ' ') && is_text(line);
    const int status = is_right ? number_in<int>(line.substr(kStatus, 3)).value_or(0) : 0;
    return status >= 100 && status < 600 ? status : 0;
}

bool is_header(std::string_view line) {
    return http::is_token(line.substr(0, line.find(':'))) &&
           line.find(':') != std::string_view::npos && is_text(line);
}

/// @param head  up to its empty line, and with it.   @return its status; 0: it is none.
int read_head(std::string_view head) {
    int status = 0;
    for (bool is_first = true; head != "\r\n"; is_first = false) {
        const std::string_view line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size() + 2);
        if (is_first) {
            status = status_in(line);
        }
        if (is_first ? status == 0 : !is_header(line)) {
            return 0;
        }
    }
    return status;
}

/// What follows the head, and whether the connection is of use after it. Any doubt ends it.
void read_framing(AnswerHead& answer, std::string_view final_head) {
    const auto lengths = http::headers_in(final_head, "Content-Length");
    const bool has_chunks = !http::headers_in(final_head, "Transfer-Encoding").empty();
    const auto length =
        lengths.size() == 1 ? number_in<std::size_t>(lengths.front()) : std::nullopt;
    if (has_chunks || !length || *length > kAnswerBodyBytesMax ||
        !final_head.starts_with("HTTP/1.1") || http::says_connection_close(final_head)) {
        return;
    }
    answer.body_bytes = *length;
    answer.keeps_connection = true;
}

/// Calls `visit(item)` for each part of the headers with this name.
template <typename Visit>
void for_each_item(std::string_view head, std::string_view name, std::string_view separators,
                   Visit&& visit) {
    for (std::string_view value : http::headers_in(head, name)) {
        while (!value.empty()) {
            const std::size_t end = std::min(value.find_first_of(separators), value.size());
            if (const auto item = http::without_blanks_around(value.substr(0, end));
                !item.empty()) {
                visit(item);
            }
            value.remove_prefix(std::min(end + 1, value.size()));
        }
    }
}

std::chrono::seconds max_age_in(std::string_view head) {
    constexpr std::string_view kMaxAge = "max-age=";
    std::optional<std::int64_t> least;
    bool may_store = true;
    for_each_item(head, "Cache-Control", ",", [&](std::string_view item) {
        if (equals_ignoring_case(item.substr(0, kMaxAge.size()), kMaxAge)) {
            const auto seconds = number_in<std::int64_t>(item.substr(kMaxAge.size()));
            least = std::min(least.value_or(kMaxAgeMax.count()), seconds.value_or(0));
        } else if (equals_ignoring_case(item.substr(0, item.find('=')), "no-store") ||
                   equals_ignoring_case(item.substr(0, item.find('=')), "no-cache")) {
            may_store = false;
        }
    });
    return std::chrono::seconds(may_store ? least.value_or(0) : 0);
}

Decision let_in(std::string_view head) {
    auth::Claims claims;
    bool is_good = true;
    for_each_item(head, "Zcomet-Ids", " \t", [&](std::string_view item) {
        is_good = is_good && claims.ids.size() < auth::kClaimPatternsMax &&
                  history::why_no_pattern(item).empty();
        if (is_good) {
            claims.ids.emplace_back(item);
        }
    });
    const bool has_patterns = !http::headers_in(head, "Zcomet-Ids").empty();
    if (const auto times = http::headers_in(head, "Zcomet-Expires"); !times.empty()) {
        const auto time = number_in<std::int64_t>(times.front());
        is_good = is_good && times.size() == 1 && time && *time <= kExpiresMax;
        claims.expires = time.value_or(0);
    }
    if (!is_good) {
        return failed(failure::kHeader);
    }
    Decision decision{.kind = Decision::Kind::kLetIn, .status = kOk, .has_patterns = has_patterns};
    if (has_patterns || claims.expires != auth::kForever) {
        decision.claims = std::make_shared<const auth::Claims>(std::move(claims));
    }
    return decision;
}

} // namespace

AnswerHead read_answer(std::string_view bytes) {
    AnswerHead answer;
    for (std::size_t begin = 0;;) {
        const std::size_t at = bytes.find(kEmptyLine, begin);
        if (at == std::string_view::npos) {
            const bool is_too_long = bytes.size() > kAnswerHeadBytesMax;
            answer.verdict =
                is_too_long ? AnswerHead::Verdict::kRefuse : AnswerHead::Verdict::kNeedMore;
            return answer;
        }
        const std::size_t end = at + kEmptyLine.size();
        const std::string_view one = bytes.substr(begin, end - begin);
        answer.status = read_head(one);
        if (answer.status == 0 || answer.status == kSwitching || end > kAnswerHeadBytesMax) {
            answer.verdict = AnswerHead::Verdict::kRefuse;
            return answer;
        }
        begin = end;
        if (answer.status >= kOk) {
            answer.verdict = AnswerHead::Verdict::kComplete;
            answer.head = one;
            answer.head_end = end;
            read_framing(answer, one);
            return answer;
        }
    }
}

std::size_t Decision::bytes() const {
    std::size_t bytes = challenge.size();
    if (claims != nullptr) {
        bytes += sizeof(auth::Claims);
        for (const std::string& pattern : claims->ids) {
            bytes += sizeof(std::string) + pattern.size();
        }
    }
    return bytes;
}

Decision failed(std::string_view why) {
    return {.kind = Decision::Kind::kFailed, .failure = why};
}

Decision decide(const AnswerHead& head) {
    Decision decision;
    if (head.status == kOk) {
        decision = let_in(head.head);
    } else if (head.status == kUnauthorized || head.status == kForbidden) {
        const std::string_view challenge = http::header_in(head.head, "WWW-Authenticate");
        decision = {.kind = Decision::Kind::kRefused, .status = head.status};
        decision.challenge = challenge.size() <= kChallengeBytesMax ? challenge : "";
    } else {
        decision = failed(failure::kStatus);
    }
    if (decision.kind != Decision::Kind::kFailed) {
        decision.max_age = max_age_in(head.head);
    }
    return decision;
}

} // namespace zcomet::webnode::hook

// A hook's answer: its bytes go in, a decision comes out.
//
//     HTTP/1.1 200 OK                      any other status but 401 and 403 is a failure
//     Zcomet-Ids: chat.* news              of the ids, only those that match a pattern
//     Zcomet-Expires: 1790000000           the stream ends then
//     Cache-Control: max-age=60            the answer may be used again for so long
//     WWW-Authenticate: Bearer             of 401 and 403: is passed on
//
// What cannot be read lets nobody in.
#pragma once

#include "topology/auth/claims.hpp"
#include "topology/base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::webnode::hook {

/// @limit bytes of the head of a hook's answer
inline constexpr std::size_t kAnswerHeadBytesMax = 16'384;
/// A larger body is not read: the connection is closed.
/// @limit bytes of the body of a hook's answer
inline constexpr std::size_t kAnswerBodyBytesMax = 65'536;
/// Somebody who may no longer listen is found out at the latest then.
/// @limit time for which a hook's answer is remembered
inline constexpr std::chrono::seconds kMaxAgeMax = 24h;

/// The head of an answer. Views are of the bytes that were read.
struct AnswerHead {
    enum class Verdict : std::uint8_t { kNeedMore, kComplete, kRefuse };
    Verdict verdict = Verdict::kNeedMore;
    int status = 0;
    std::string_view head{};       ///< of the final answer, with the empty line
    std::size_t head_end = 0;      ///< where it ends in the bytes
    std::size_t body_bytes = 0;    ///< that follow, if the connection is kept
    bool keeps_connection = false; ///< another request may follow after the body
};

/// Reads the head of the final answer; interim ones (100 to 199) before it are skipped. Strict:
/// lines end in CRLF, names are tokens, no line continues another, no control characters.
/// @param bytes  of the answer so far.
[[nodiscard]] AnswerHead read_answer(std::string_view bytes);

/// Why an answer is a failure, or there is none. Words are for logs.
namespace failure {
inline constexpr std::string_view kConnect = "connect"; ///< nobody is there
inline constexpr std::string_view kName = "name";       ///< its host has no address
inline constexpr std::string_view kSilence = "silence"; ///< nothing within the deadline
inline constexpr std::string_view kBusy =
    "busy"; ///< too many others wait, or it was its turn too late
inline constexpr std::string_view kClosed = "closed"; ///< the connection ended before the answer
inline constexpr std::string_view kMalformed = "malformed"; ///< no answer of HTTP
inline constexpr std::string_view kStatus = "status";       ///< another one than 200, 401 and 403
inline constexpr std::string_view kHeader = "header"; ///< Zcomet-Ids or -Expires cannot be read
} // namespace failure

struct Decision {
    enum class Kind : std::uint8_t { kLetIn, kRefused, kFailed };
    Kind kind = Kind::kFailed;
    std::string_view failure{}; ///< one of those above
    int status = 503;
    /// Patterns of ids, and until when; nullptr: every id that was asked for, for ever.
    std::shared_ptr<const auth::Claims> claims{};
    bool has_patterns = false;
    std::string challenge{};         ///< the value of WWW-Authenticate
    std::chrono::seconds max_age{0}; ///< 0: the answer is not to be used again

    /// Without the object itself.
    [[nodiscard]] std::size_t bytes() const;
};

/// @param head  its verdict is kComplete.
[[nodiscard]] Decision decide(const AnswerHead& head);

/// That nothing has been heard.
[[nodiscard]] Decision failed(std::string_view why);

} // namespace zcomet::webnode::hook

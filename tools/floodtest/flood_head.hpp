// Reads the head of an HTTP/1.1 response as it comes in, keeping only what a load test wants to
// know: the status code, and whether the body is chunked.
#pragma once

#include <cstdint>
#include <string_view>

namespace zcomet::tools::floodtest {

class FloodHead {
  public:
    /// Servers' heads have a few hundred bytes.
    static constexpr std::uint16_t kHeadBytesMax = 16384;

    enum class Event : std::uint8_t {
        kNeedMore, ///< all of `bytes` was read; call again with what comes next
        kDone,     ///< the head is complete; the body begins at the front of `bytes`
        kBad,      ///< not an HTTP/1 response, or too long
    };

    /// @param bytes  what came in, cut anywhere; what was read is taken off its front.
    /// Errors:  kBad. Never throws.   Thread: any.   Cost: O(bytes read), no allocation.
    [[nodiscard]] Event next(std::string_view& bytes);

    /// 100 to 999. Valid after kDone.
    [[nodiscard]] std::uint16_t status() const { return status_; }
    /// Whether the body is chunked, and nothing but chunked. Valid after kDone.
    [[nodiscard]] bool chunked() const { return chunked_; }

  private:
    [[nodiscard]] bool read_status_byte(char c);
    void read_field_byte(char c);
    void end_line();

    std::uint16_t length_ = 0; ///< bytes of the head so far
    std::uint16_t column_ = 0; ///< bytes of the line so far, CR not counted
    std::uint16_t status_ = 0;
    std::uint8_t matched_ = 0; ///< how much of "transfer-encoding:chunked" the line matches
    bool in_status_line_ : 1 = true;
    bool differs_ : 1 = false; ///< the line is another than that
    bool chunked_ : 1 = false;
};

static_assert(sizeof(FloodHead) <= 8, "one is kept for each stream of a load test");

} // namespace zcomet::tools::floodtest

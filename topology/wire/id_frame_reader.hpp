// Reads a LOGIN, LOGOUT or LIST some ids at a time. decode() checks all ids of a frame at once,
// which takes milliseconds for a frame of a megabyte.
#pragma once

#include "topology/wire/frames.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace zcomet::wire {

class IdFrameReader {
  public:
    /// Looks at the fields before the ids only.
    /// @param bytes  one frame, any content; borrowed for as long as the reader is used.
    /// @return absent: decode() says what the frame is, or refuses it at once.
    [[nodiscard]] static std::optional<IdFrameReader> open(std::string_view bytes);

    /// How many ids the frame claims to have.
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] bool begins_list() const;

    /// Checks the next ids.   Cost: a table look-up for each byte of them.
    /// @return how many were looked at: 0 only if none was left.
    std::uint32_t check(std::uint32_t ids_max);
    /// Whether all of the frame was checked, or it was refused.
    [[nodiscard]] bool done() const { return refusal_ || checked_ == count_; }
    /// What is wrong, as decode() would say it.
    [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }
    /// The same as decode() returns. Only when the reader is done and refused nothing.
    [[nodiscard]] Frame frame() const;

  private:
    IdFrameReader(std::string_view bytes, Kind kind, std::size_t ids_begin);
    void refuse(ErrorCode code, std::string text);
    void check_one();

    Kind kind_;
    std::uint64_t change_;
    std::uint8_t part_;
    std::uint32_t count_;
    std::uint32_t checked_ = 0;
    std::string_view ids_;  // and whatever follows them
    std::string_view rest_; // of them, not checked yet
    std::optional<Refusal> refusal_;
};

} // namespace zcomet::wire

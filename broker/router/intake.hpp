// How much a broker takes in before it publishes, so that the first message of a burst does not
// wait for the last.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zcomet::broker::router {

/// Counts what the frames of a turn are, and what they cause. Large frames take their bytes, small
/// ones a system call or two each, and very many tiny messages a look-up and a copy each, of which
/// half a megabyte can hold 87,000.
/// Thread: the router's.
class Intake {
  public:
    /// @limit frames that a broker receives in a turn
    static constexpr unsigned kFramesPerTurn = 256;
    /// @limit bytes that a broker receives, or reads of histories, in a turn (a sixteenth of lists)
    static constexpr std::size_t kBytesPerTurn = 512U << 10U;
    /// With a large table each takes some 0.2 µs. The frame that is read last may have as many more
    /// messages (wire::kFrameMessagesMax), each with a copy for each node that holds its id.
    /// @limit messages and copies of them that a broker takes in and passes on in a turn
    static constexpr std::uint64_t kMessagesPerTurn = 8192;

    void begin_turn() { *this = {}; }
    void add_frame(std::size_t bytes) {
        ++frames_;
        bytes_ += bytes;
    }
    /// Of histories that were read for an answer.
    void add_bytes(std::size_t bytes) { bytes_ += bytes; }
    void add_messages(std::uint64_t count) { messages_ += count; }
    /// Whether the turn takes a further frame.
    [[nodiscard]] bool has_room() const {
        return frames_ < kFramesPerTurn && bytes_ < kBytesPerTurn && messages_ < kMessagesPerTurn;
    }

  private:
    unsigned frames_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t messages_ = 0;
};

} // namespace zcomet::broker::router

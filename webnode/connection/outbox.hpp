// Bytes that a full socket did not take yet. Most streams never have one.
//
// It knows where messages end, so that those of a slow stream can be dropped whole:
//
//     waits = [ rest of a part that has begun to be written ] *( message / other )
//
// The part that has begun stays. Bytes that are not a message (answers, the end of a stream) stay,
// too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::connection {

class Outbox {
  public:
    /// Appends `bytes`, which are not a message and are never dropped. The owner limits how much
    /// may wait.
    void append(std::string_view bytes);
    /// The same for one whole message.
    void append_message(std::string_view bytes);
    /// The same for the rest of a message whose beginning the socket took. Only into an empty
    /// outbox.
    void append_rest_of_message(std::string_view bytes);

    /// The waiting bytes, oldest first; valid until the next call that changes them.
    [[nodiscard]] std::string_view front() const;
    /// The socket took the first `count` bytes, at most size(). The memory is freed with the last
    /// byte.
    /// @return how many messages the socket now has completely.
    std::size_t consume(std::size_t count);

    /// Drops the oldest messages that have not begun, until at most `bytes_max` wait or none is
    /// left. It stops at bytes that are not a message.
    /// @return how many messages it dropped.   Cost: moves the bytes that stay in front of them, no
    /// more.
    std::size_t drop_oldest(std::size_t bytes_max);

    [[nodiscard]] std::size_t size() const { return bytes_.size() - sent_; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    /// Messages that wait, including one that has begun.
    [[nodiscard]] std::size_t messages() const { return messages_; }

  private:
    struct Part {
        std::uint32_t bytes; // not taken yet
        bool is_message;
    };

    void append_part(std::string_view bytes, bool is_message);
    void tidy();

    std::string bytes_;
    std::size_t sent_ = 0; // of bytes_; erased when it is the larger part
    std::vector<Part> parts_;
    std::uint32_t parts_gone_ = 0; // of parts_; likewise
    std::uint32_t messages_ = 0;
    bool begun_ = false; // the socket took the beginning of the first part
};

} // namespace zcomet::webnode::connection

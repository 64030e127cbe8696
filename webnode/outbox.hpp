// Bytes that a full socket did not take, until it does. Most streams never have one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zcomet {

class Outbox {
  public:
    /// Puts `bytes` behind what waits. How much may wait is the owner's business.
    void append(std::string_view bytes) { bytes_.append(bytes); }

    /// What waits, oldest first; valid until the next append() or consume().
    [[nodiscard]] std::string_view front() const;
    /// The socket took the first `count` bytes, at most size(). The memory is freed with the last.
    void consume(std::size_t count);

    [[nodiscard]] std::size_t size() const { return bytes_.size() - sent_; }
    [[nodiscard]] bool empty() const { return size() == 0; }

  private:
    std::string bytes_;
    std::size_t sent_ = 0; // of bytes_; cut off when it is the larger part
};

} // namespace zcomet

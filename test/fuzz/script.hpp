// The input of a fuzz target as a script: commands and their operands, byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::fuzz {

/// Takes the script's bytes one after the other; past the end all are 0.
class Bytes {
  public:
    explicit Bytes(std::string_view rest) : rest_(rest) {}
    [[nodiscard]] bool empty() const { return rest_.empty(); }
    std::uint8_t u8() {
        if (rest_.empty()) {
            return 0;
        }
        const auto value = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    std::uint64_t u64() {
        std::uint64_t value = 0;
        for (int i = 0; i < 8; ++i) {
            value = (value << 8U) | u8();
        }
        return value;
    }
    std::string_view take(std::size_t size) {
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    /// A size in two bytes, the lower one first, and so many bytes.
    std::string_view take_sized() {
        const std::size_t low = u8();
        return take(low + std::size_t{u8()} * 256);
    }

  private:
    std::string_view rest_;
};

} // namespace zcomet::fuzz

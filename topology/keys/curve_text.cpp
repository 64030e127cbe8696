#include "topology/keys/curve_text.hpp"

#include "topology/base/check.hpp"

#include <array>
#include <cstdint>

namespace zcomet::keys {

namespace {

constexpr std::string_view kDigits =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
static_assert(kDigits.size() == 85);

/// Five digits stand for four bytes.
constexpr std::size_t kGroupText = 5;
constexpr std::size_t kGroupBytes = 4;
static_assert(kCurveTextBytes / kGroupText == kCurveBytes / kGroupBytes);

} // namespace

bool is_curve_text(std::string_view text) {
    if (text.size() != kCurveTextBytes) {
        return false;
    }
    std::uint64_t group = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::size_t digit = kDigits.find(text[i]);
        if (digit == std::string_view::npos) {
            return false;
        }
        group = (i % kGroupText == 0 ? 0 : group * kDigits.size()) + digit;
        if (group > UINT32_MAX) {
            return false;
        }
    }
    return true;
}

std::string to_curve_text(std::string_view bytes) {
    ZCOMET_ASSERT(bytes.size() == kCurveBytes);
    std::string text;
    text.reserve(kCurveTextBytes);
    for (std::size_t at = 0; at < bytes.size(); at += kGroupBytes) {
        std::uint32_t group = 0;
        for (const char byte : bytes.substr(at, kGroupBytes)) {
            group = (group << 8U) | static_cast<unsigned char>(byte);
        }
        std::array<char, kGroupText> digits{};
        for (std::size_t i = kGroupText; i-- > 0;) {
            digits[i] = kDigits[group % kDigits.size()];
            group /= static_cast<std::uint32_t>(kDigits.size());
        }
        text.append(digits.data(), digits.size());
    }
    return text;
}

} // namespace zcomet::keys

#include "topology/base/age.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace zcomet {

namespace {

std::optional<std::chrono::seconds> unit_of(char letter) {
    switch (letter) {
    case 's':
        return std::chrono::seconds(1);
    case 'm':
        return std::chrono::minutes(1);
    case 'h':
        return std::chrono::hours(1);
    case 'd':
        return std::chrono::hours(24);
    default:
        return std::nullopt;
    }
}

} // namespace

std::optional<std::chrono::seconds> read_age(std::string_view text) {
    if (text.empty()) {
        return std::nullopt;
    }
    const auto unit = unit_of(text.back());
    if (unit) {
        text.remove_suffix(1);
    }
    std::uint32_t count = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, count);
    const bool is_number = read.ec == std::errc{} && read.ptr == end && !text.empty();
    const std::chrono::seconds age = count * unit.value_or(std::chrono::seconds(1));
    return is_number && age <= kAgeMax ? std::optional(age) : std::nullopt;
}

} // namespace zcomet

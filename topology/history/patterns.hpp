// Patterns of ids: "chat.*", where * is any number of characters, and ? is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::history {

/// @limit patterns of ids that have a history
inline constexpr std::size_t kPatternsMax = 64;

/// @return one sentence; empty: it is a pattern of 1 to 64 bytes, of characters of ids, * and ?.
[[nodiscard]] std::string why_no_pattern(std::string_view text);

/// Cost: O(id) for one *; O(pattern * id) at worst.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view id);

/// Patterns in an order, in which the first that matches counts. Thread: any, for a const one.
class Patterns {
  public:
    static constexpr std::size_t kNone = SIZE_MAX;

    Patterns() = default;
    /// @param patterns  each of them one by why_no_pattern(), kPatternsMax at most.
    explicit Patterns(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

    /// The patterns as one text, with a blank between them, and back.
    [[nodiscard]] std::string text() const;
    /// @return the patterns; none at all if one is no pattern, or there are more than kPatternsMax.
    [[nodiscard]] static Patterns from_text(std::string_view text);

    [[nodiscard]] bool empty() const { return patterns_.empty(); }
    /// @return the place of the first that matches `id`; kNone: none does.
    [[nodiscard]] std::size_t find(std::string_view id) const;
    [[nodiscard]] bool match(std::string_view id) const { return find(id) != kNone; }

  private:
    std::vector<std::string> patterns_;
};

} // namespace zcomet::history

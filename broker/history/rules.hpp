// Which ids have a history, and how much of it: "chat.*=100,5m".
#pragma once

#include "topology/base/time.hpp"
#include "topology/history/patterns.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::broker::history {

struct Rule {
    std::string pattern;
    std::uint32_t count_max = 0; ///< the newest messages of an id that are kept, 1 or more
    Duration age_max{};          ///< for at most this long
};

/// @limit messages that are kept of an id (`--history`)
inline constexpr std::uint32_t kCountMaxMax = 10'000;
inline constexpr Duration kAgeMaxMax = 30 * 24h;

/// Reads "PATTERN=COUNT,AGE"; AGE is "90" or "90s", "5m", "2h" or "1d".
/// @return nothing, and the reason in `why`, one sentence, if it is not that.
[[nodiscard]] std::optional<Rule> read_rule(std::string_view text, std::string& why);

/// Thread: any, for a const one.
class Rules {
  public:
    Rules() = default;
    /// @param rules  history::kPatternsMax at most; the first whose pattern matches counts.
    explicit Rules(std::vector<Rule> rules);

    [[nodiscard]] const zcomet::history::Patterns& patterns() const { return patterns_; }
    [[nodiscard]] bool empty() const { return rules_.empty(); }
    [[nodiscard]] std::size_t size() const { return rules_.size(); }
    [[nodiscard]] const Rule& operator[](std::size_t index) const { return rules_[index]; }
    /// @return the place of the rule for `id`; Patterns::kNone: it has no history.
    [[nodiscard]] std::size_t find(std::string_view id) const { return patterns_.find(id); }

  private:
    std::vector<Rule> rules_;
    zcomet::history::Patterns patterns_;
};

} // namespace zcomet::broker::history

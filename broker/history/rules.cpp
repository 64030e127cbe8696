#include "broker/history/rules.hpp"

#include "topology/base/age.hpp"
#include "topology/base/check.hpp"

#include <charconv>
#include <utility>

namespace zcomet::broker::history {

namespace {

constexpr std::string_view kForm = "a history is PATTERN=COUNT,AGE, such as chat.*=100,5m";

template <typename Number> std::optional<Number> read_number(std::string_view text) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc{} && read.ptr == end ? std::optional(number) : std::nullopt;
}

std::vector<std::string> patterns_of(const std::vector<Rule>& rules) {
    std::vector<std::string> patterns;
    patterns.reserve(rules.size());
    for (const Rule& rule : rules) {
        patterns.push_back(rule.pattern);
    }
    return patterns;
}

} // namespace

std::optional<Rule> read_rule(std::string_view text, std::string& why) {
    const std::size_t equals = text.rfind('=');
    const std::size_t comma = text.rfind(',');
    if (equals == std::string_view::npos || comma == std::string_view::npos || comma < equals) {
        why = kForm;
        return std::nullopt;
    }
    Rule rule;
    rule.pattern = text.substr(0, equals);
    why = zcomet::history::why_no_pattern(rule.pattern);
    if (!why.empty()) {
        return std::nullopt;
    }
    const auto count = read_number<std::uint32_t>(text.substr(equals + 1, comma - equals - 1));
    if (!count || *count == 0 || *count > kCountMaxMax) {
        why = "the count of a history is a number from 1 to " + std::to_string(kCountMaxMax);
        return std::nullopt;
    }
    const auto age = read_age(text.substr(comma + 1));
    if (!age || *age == 0s || *age > kAgeMaxMax) {
        why = "the age of a history is 90 or 90s, 5m, 2h or 1d, up to 30d";
        return std::nullopt;
    }
    rule.count_max = *count;
    rule.age_max = *age;
    return rule;
}

Rules::Rules(std::vector<Rule> rules) : rules_(std::move(rules)), patterns_(patterns_of(rules_)) {
    ZCOMET_ASSERT(rules_.size() <= zcomet::history::kPatternsMax);
}

} // namespace zcomet::broker::history

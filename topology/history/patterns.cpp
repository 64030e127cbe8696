#include "topology/history/patterns.hpp"

#include "topology/wire/id.hpp"

#include <algorithm>

namespace zcomet::history {

std::string why_no_pattern(std::string_view text) {
    std::string as_id(text);
    // What stands for characters of an id is as good as one of them.
    std::replace(as_id.begin(), as_id.end(), '*', '.');
    std::replace(as_id.begin(), as_id.end(), '?', '.');
    return wire::valid_id(as_id) ? ""
                                 : "a pattern has 1 to 64 characters of ids, * for any number of "
                                   "characters and ? for one";
}

bool matches(std::string_view pattern, std::string_view id) {
    std::size_t p = 0;
    std::size_t i = 0;
    std::size_t after_star = std::string_view::npos; // place in the pattern
    std::size_t retry = 0;                           // what the star takes ends here
    while (i < id.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            after_star = ++p;
            if (after_star == pattern.size()) {
                return true; // as with "user-*", the usual form
            }
            retry = i;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == id[i])) {
            ++p;
            ++i;
        } else if (after_star != std::string_view::npos) {
            p = after_star; // the last star takes one character more
            i = ++retry;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string Patterns::text() const {
    std::string text;
    for (const std::string& pattern : patterns_) {
        text += (text.empty() ? "" : " ") + pattern;
    }
    return text;
}

Patterns Patterns::from_text(std::string_view text) {
    std::vector<std::string> patterns;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        patterns.emplace_back(text.substr(0, end));
        if (!why_no_pattern(patterns.back()).empty() || patterns.size() > kPatternsMax) {
            return {};
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return Patterns(std::move(patterns));
}

std::size_t Patterns::find(std::string_view id) const {
    const auto found =
        std::find_if(patterns_.begin(), patterns_.end(),
                     [id](const std::string& pattern) { return matches(pattern, id); });
    return found == patterns_.end() ? kNone : static_cast<std::size_t>(found - patterns_.begin());
}

} // namespace zcomet::history

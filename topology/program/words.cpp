#include "topology/program/words.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::program {

namespace {

/// How many mistakes make `other` of `word`: the optimal string alignment distance.
std::size_t mistakes(std::string_view word, std::string_view other) {
    std::vector<std::size_t> before_last;
    std::vector<std::size_t> last(other.size() + 1);
    for (std::size_t i = 0; i <= other.size(); ++i) {
        last[i] = i;
    }
    for (std::size_t row = 1; row <= word.size(); ++row) {
        std::vector<std::size_t> now(other.size() + 1);
        now[0] = row;
        for (std::size_t i = 1; i <= other.size(); ++i) {
            const std::size_t replaced = last[i - 1] + (word[row - 1] == other[i - 1] ? 0U : 1U);
            now[i] = std::min({replaced, last[i] + 1, now[i - 1] + 1});
            if (row > 1 && i > 1 && word[row - 1] == other[i - 2] &&
                word[row - 2] == other[i - 1]) {
                now[i] = std::min(now[i], before_last[i - 2] + 1);
            }
        }
        before_last = std::move(last);
        last = std::move(now);
    }
    return last.back();
}

void append_wrapped(std::string& out, std::string_view line, std::size_t width,
                    std::size_t column) {
    const std::size_t indent = line.starts_with(' ') ? column : 0;
    std::size_t first_break = indent;
    std::size_t room = width;
    while (line.size() > room) {
        std::size_t blank = line.rfind(' ', room);
        if (blank == std::string_view::npos || blank <= first_break) {
            blank = line.find(' ', std::max(first_break, room)); // a longer word stays whole
        }
        if (blank == std::string_view::npos) {
            break;
        }
        out.append(line.substr(0, blank)).append("\n").append(indent, ' ');
        line.remove_prefix(blank + 1);
        first_break = 0;
        room = width - indent;
    }
    out.append(line);
}

} // namespace

std::string closest_word(std::string_view word, const std::vector<std::string>& candidates) {
    constexpr std::size_t kLettersPerMistake = 3;
    std::size_t fewest = std::max<std::size_t>(1, word.size() / kLettersPerMistake) + 1;
    std::string closest;
    for (const std::string& candidate : candidates) {
        if (const std::size_t count = mistakes(word, candidate); count < fewest) {
            fewest = count;
            closest = candidate;
        }
    }
    return closest;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const std::string closest = closest_word(word, candidates);
    return closest.empty() ? "" : "; did you mean " + closest + "?";
}

std::string wrap_help(std::string_view text, std::size_t width, std::size_t column) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        append_wrapped(out, text.substr(0, end), width, column);
        if (end == std::string_view::npos) {
            break;
        }
        out.append("\n");
        text.remove_prefix(end + 1);
    }
    return out;
}

} // namespace zcomet::program

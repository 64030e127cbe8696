// Words that programs and people exchange: a guess at a misspelt word, lines that fit a terminal.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::program {

/// @return the candidate that `word` is most probably a misspelling of; empty: it is like none of
/// them. A letter that is missing, wrong or one too many is a mistake, and so are two that changed
/// places. A word may have a mistake for each three of its letters, and a short one may have one.
[[nodiscard]] std::string closest_word(std::string_view word,
                                       const std::vector<std::string>& candidates);

/// "; did you mean …?" with the closest of the candidates, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& candidates);

/// Breaks the lines of a --help that are longer than `width`, between words. A line that begins
/// with a blank has two columns: it goes on at `column`, where the second one begins, and its first
/// column is left whole.
[[nodiscard]] std::string wrap_help(std::string_view text, std::size_t width, std::size_t column);

} // namespace zcomet::program

// The deliberate bugs of mutants.list: which there are, and which one is at work.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace zcomet::sim {

struct Mutant {
    std::string_view name;
    std::string_view what;
};

/// All mutants, in the order of the list. A program with the cores as they are has none.
std::span<const Mutant> known_mutants();

/// The number of the mutant that is at work, counted from 1; 0 is none.
inline std::size_t active_mutant = 0;

/// What MUTANT becomes in the copies of the cores that mutate.py writes.
inline bool mutant_is_active(std::size_t number) {
    return active_mutant == number;
}

} // namespace zcomet::sim

// The deliberate bugs of mutants.list, and which one is active.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace zcomet::sim {

struct Mutant {
    std::string_view name;
    std::string_view what;
};

/// All mutants, in the order of the list; none in a program with the real cores.
std::span<const Mutant> known_mutants();

/// The number of the active mutant, from 1; 0 is none.
inline std::size_t active_mutant = 0;

/// MUTANT becomes a call of this in the copies of the cores that mutate.py writes.
inline bool mutant_is_active(std::size_t number) {
    return active_mutant == number;
}

} // namespace zcomet::sim

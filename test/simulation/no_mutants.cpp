#include "test/simulation/mutants.hpp"

namespace zcomet::sim {

std::span<const Mutant> known_mutants() {
    return {};
}

} // namespace zcomet::sim

#include "tools/msggen/sent_counts.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace zcomet::tools::msggen {

void SentCounts::write(std::ostream& out) const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sorted(counts_.begin(), counts_.end());
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [id, count] : sorted) {
        out << id << '\t' << count << '\n';
    }
}

} // namespace zcomet::tools::msggen

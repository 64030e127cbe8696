#include "topology/metrics/snapshot.hpp"

#include "topology/base/check.hpp"

namespace zcomet::metrics {

namespace {

void add_samples(std::vector<Sample>& total, const std::vector<Sample>& part) {
    if (total.empty()) {
        total = part;
        return;
    }
    ZCOMET_ASSERT(total.size() == part.size());
    for (std::size_t i = 0; i < total.size(); ++i) {
        ZCOMET_ASSERT(total[i].metric == part[i].metric);
        total[i].value += part[i].value;
    }
}

} // namespace

void add_to(Subject& total, const Subject& part) {
    add_samples(total.figures, part.figures);
    add_samples(total.counters, part.counters);
}

} // namespace zcomet::metrics

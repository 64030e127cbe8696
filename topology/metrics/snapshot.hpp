// What a program says of itself at one moment, in no format yet. A program makes one; a format
// (json.hpp) writes it, and needs no other knowledge of the program.
#pragma once

#include "topology/metrics/counters.hpp"
#include "topology/metrics/metric.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace zcomet::metrics {

/// What tells one subject from another, or says what it is like: its name, its process id.
struct Label {
    std::string_view name; ///< a constant
    std::variant<std::string, std::int64_t> value;
};

struct Sample {
    const Metric* metric = nullptr; ///< a constant
    std::uint64_t value = 0;
};

/// Something that has metrics: a process, or several together.
struct Subject {
    std::vector<Label> labels;
    /// Its other values, and the counters that people look at first. JSON shows these on the
    /// subject itself.
    std::vector<Sample> figures;
    std::vector<Sample> counters;
};

struct Snapshot {
    Subject program;
    std::vector<Subject> workers;
    /// Present if the program has workers.
    std::optional<Subject> totals;
};

/// Adds a sample of each metric in `rows`, which are rows of the table of `Id`.
template <typename Id>
void append(std::vector<Sample>& samples, const Counters<Id>& counters,
            std::span<const Metric> rows) {
    for (const Metric& row : rows) {
        samples.push_back({&row, counters.get(static_cast<Id>(row.id))});
    }
}

/// Adds the samples of `part`, one by one. Both have the same metrics in the same order, or `total`
/// has none yet. Labels stay as they are.
void add_to(Subject& total, const Subject& part);

/// Calls `visit(const Sample&)` once for each metric of a subject, although JSON shows some twice:
/// for a format with one line a metric.
template <typename Visit> void for_each_sample(const Subject& subject, Visit&& visit) {
    for (const Sample& figure : subject.figures) {
        visit(figure);
    }
    for (const Sample& counter : subject.counters) {
        bool shown = false;
        for (const Sample& figure : subject.figures) {
            shown = shown || figure.metric == counter.metric;
        }
        if (!shown) {
            visit(counter);
        }
    }
}

} // namespace zcomet::metrics

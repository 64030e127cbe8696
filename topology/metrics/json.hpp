// A Snapshot as JSON: the pages /stats, and the broker's answer to the query `stats`.
#pragma once

#include "topology/metrics/snapshot.hpp"

#include <cstdint>
#include <string>

namespace zcomet::metrics {

enum class JsonLayout : std::uint8_t {
    kOneLine, ///< without a blank: for frames
    kLines,   ///< a line for each value, as people read it
};

/// The program is the object:
///
///     {LABEL: …, FIGURE: …, "workers": [{LABEL: …, FIGURE: …, "counters": {…}}],
///      "totals": {FIGURE: …, "counters": {…}}, "counters": {NAME: number}}
///
/// What it does not have (workers and totals, or counters of its own) is left out.
[[nodiscard]] std::string to_json(const Snapshot& snapshot, JsonLayout layout);

} // namespace zcomet::metrics

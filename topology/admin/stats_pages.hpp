// The pages that show what a program counts, one for each format.
#pragma once

#include "topology/http/http_front.hpp"
#include "topology/metrics/snapshot.hpp"

#include <functional>
#include <vector>

namespace zcomet::admin {

/// @param take  makes the snapshot, once for each request. What it refers to outlives the pages.
[[nodiscard]] std::vector<http::Route> stats_pages(const std::function<metrics::Snapshot()>& take);

} // namespace zcomet::admin

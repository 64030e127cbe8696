// What a web node reports on its admin page.
#pragma once

#include "test/support/cluster.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace zcomet::test {

/// GET http://`admin`/stats. Throws std::runtime_error if it does not answer with JSON.
[[nodiscard]] nlohmann::json read_stats(const std::string& admin);

/// One counter of web node `index`, summed over its workers.
[[nodiscard]] std::uint64_t stat(const Cluster& cluster, std::size_t index,
                                 const std::string& name);

/// Waits until it has that value.
[[nodiscard]] bool await_stat(const Cluster& cluster, std::size_t index, const std::string& name,
                              std::uint64_t value);

/// The process of worker `number`, from 1, of web node `index`.
[[nodiscard]] pid_t worker_pid(const Cluster& cluster, std::size_t index, std::size_t number);

/// How many workers of web node `index` are live.
[[nodiscard]] std::size_t live_workers(const Cluster& cluster, std::size_t index);

} // namespace zcomet::test

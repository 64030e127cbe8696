// How many messages went to each id. Tests and demonstrations compare it with what arrived.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <ostream>

namespace zcomet::tools::msggen {

class SentCounts {
  public:
    void add(std::uint64_t id) { ++counts_[id]; }
    /// One line for each id that got a message, in the order of the numbers: id, tab, count.
    void write(std::ostream& out) const;

  private:
    absl::flat_hash_map<std::uint64_t, std::uint64_t> counts_;
};

} // namespace zcomet::tools::msggen

// Whose question to the hook is next: hosts take turns, so that one that asks very much waits for
// itself, and not everybody for it.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>

namespace zcomet::webnode::hook {

/// Questions that wait, by number, of hosts as port::AddressPlaces counts them. Behind a proxy that
/// is not trusted all are of one host, and wait in one row.
///
/// Thread: one.
class FairQueue {
  public:
    using Host = std::uint16_t;

    /// @param number  larger than all before.
    void add(Host host, std::uint64_t number);
    /// Takes the oldest question of the host whose turn it is.   @return nothing: none waits.
    std::optional<std::uint64_t> take();
    /// @return whether the question waited; now it does not.
    bool remove(Host host, std::uint64_t number);

    /// The newest question of the host with most, if it has more than `host`: its place is for
    /// others.   Cost: looks at all hosts.
    [[nodiscard]] std::optional<std::uint64_t> newest_of_larger(Host host) const;

  private:
    [[nodiscard]] std::size_t waiting_of(Host host) const;

    absl::flat_hash_map<Host, std::set<std::uint64_t>> waiting_; // of each host in turns_
    std::deque<Host> turns_;                                     // each once
};

} // namespace zcomet::webnode::hook

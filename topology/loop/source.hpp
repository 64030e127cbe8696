// What a loop drives.
#pragma once

#include "topology/base/time.hpp"

#include <span>

namespace zcomet::loop {

/// Something with descriptors, work and a clock, for a loop to wait for: a link to a broker, a
/// child process, an admin page. Every call comes from the loop, on its thread, and must not block.
class Source {
  public:
    virtual ~Source() = default;
    /// The descriptors that become readable when turn() has something to do. Negative ones are
    /// skipped. Valid until the next call of turn().
    [[nodiscard]] virtual std::span<const int> fds() const = 0;
    /// Does what is due, up to a budget. Called when a descriptor is ready, and when due() has
    /// come.
    /// @return whether more waits: then the loop calls again without sleeping.
    virtual bool turn(Time now) = 0;
    /// When turn() next has something to do without a descriptor saying so: a time, which may be
    /// past, or kNever.
    [[nodiscard]] virtual Time due() const = 0;
};

} // namespace zcomet::loop

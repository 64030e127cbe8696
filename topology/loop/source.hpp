// The interface of everything that a loop drives.
#pragma once

#include "topology/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace zcomet::loop {

/// The due() of a source that has something to do at once.
inline constexpr Time kAtOnce = Time::min();

/// Something with descriptors, work and a clock, for a loop to wait for: a link to a broker, a
/// child process, an admin page. Every call comes from the loop, on its thread, and must not block.
class Source {
  public:
    virtual ~Source() = default;
    /// The descriptors that become readable when turn() has something to do. Negative ones are
    /// skipped. Valid until the next call of turn().
    [[nodiscard]] virtual std::span<const int> fds() const { return {}; }
    /// Must return a new number after a descriptor of fds() was closed, opened or exchanged. The
    /// descriptors' numbers do not show that, since the system gives them out again. The loop then
    /// looks at fds() anew before it sleeps.
    [[nodiscard]] virtual std::uint32_t fds_version() const { return 0; }
    /// Says that fds()[index] is ready; turn() follows. For a source that needs to know which one
    /// is.
    virtual void on_ready(std::size_t /*index*/) {}
    /// Does what is due, up to a budget. Called when a descriptor is ready and when due() has come.
    /// A call may find nothing to do.
    /// @return whether more work waits: then the loop calls again without sleeping.
    virtual bool turn(Time now) = 0;
    /// When turn() next has something to do that no descriptor reports: kAtOnce, a time, which may
    /// be past, or kNever.
    [[nodiscard]] virtual Time due() const { return kNever; }
};

} // namespace zcomet::loop

// How a worker ends without anybody noticing: what it does when.
//
//     serving -> noticing -> leaving -> moving -> flushing -> over
//
// Without streams, or without time, it goes to its end at once. Pure: time and state in, phases
// out.
#pragma once

#include "topology/base/time.hpp"

#include <algorithm>
#include <cstdint>

namespace zcomet::webnode::worker {

/// Thread: one at a time.
class Drain {
  public:
    enum class Phase : std::uint8_t {
        kServing,
        kNoticing, ///< it serves as before, and says that it is not ready: balancers look now and
                   ///< then
        kLeaving,  ///< it leaves the port; connections under way are accepted
        kMoving,   ///< no stream opens any more, and those that are open are moved
        kFlushing, ///< there are no streams; what they have not read yet is written
        kOver,     ///< what is left ends at once
    };
    struct Terms {
        Duration grace;  ///< for kNoticing (`--drain-grace`)
        Duration within; ///< for kMoving (`--drain-seconds`); zero: streams end all at once
    };
    /// Of the worker, now.
    struct State {
        std::uint64_t streams = 0;
        bool has_left = false;   ///< the port
        bool has_output = false; ///< something waits to be written
    };

    /// Handshakes under way take a quarter of a second, and a backlog some of them. Under a flood
    /// of connections the port closes after this.
    /// @limit time for an ending worker to leave the port
    static constexpr Duration kLeavingMax = 1s;
    /// Beyond the time for it: a million streams may take a worker longer than it was given.
    /// @limit time beyond `--drain-seconds` for streams that are not moved yet
    static constexpr Duration kMovingSlack = 5s;
    /// @limit time for an ending worker to write what moved streams have not read
    static constexpr Duration kFlushingMax = 2s;

    /// The worker is told to end. If it was already, nothing changes. Call step() then: it says
    /// that a phase has begun, even if none is spent in noticing.
    void begin(const Terms& terms, std::uint64_t streams, Time now) {
        if (phase_ != Phase::kServing) {
            return;
        }
        within_ = terms.within;
        const bool has_time = terms.grace > Duration::zero() || within_ > Duration::zero();
        if (streams == 0 || !has_time) {
            cut_short();
        } else {
            enter(Phase::kNoticing, now + terms.grace);
        }
    }
    /// The worker is told to end at once.
    void cut_short() { enter(Phase::kOver, kNever); }

    /// @return whether another phase has begun. There may be one more behind it.
    bool step(const State& state, Time now) {
        const bool is_late = until_ <= now;
        switch (phase_) {
        case Phase::kServing:
        case Phase::kOver:
            return false;
        case Phase::kNoticing:
            if (is_late && within_ == Duration::zero()) {
                cut_short();
            } else if (is_late) {
                enter(Phase::kLeaving, now + kLeavingMax);
            }
            return is_late;
        case Phase::kLeaving:
            return enter_if(state.has_left || is_late, Phase::kMoving,
                            now + within_ + kMovingSlack);
        case Phase::kMoving:
            return enter_if(state.streams == 0 || is_late, Phase::kFlushing, now + kFlushingMax);
        case Phase::kFlushing:
            return enter_if(!state.has_output || is_late, Phase::kOver, kNever);
        }
        return false;
    }
    /// When step() has something to do, whatever the worker's state; kNever if not at all.
    [[nodiscard]] Time due() const { return until_; }

    [[nodiscard]] Phase phase() const { return phase_; }
    /// Whether the worker has been told to end.
    [[nodiscard]] bool has_begun() const { return phase_ != Phase::kServing; }
    [[nodiscard]] bool is_over() const { return phase_ == Phase::kOver; }

  private:
    void enter(Phase phase, Time until) {
        phase_ = phase;
        until_ = until;
    }
    bool enter_if(bool is_time, Phase phase, Time until) {
        if (is_time) {
            enter(phase, until);
        }
        return is_time;
    }

    Phase phase_ = Phase::kServing;
    Time until_ = kNever; // of this phase
    Duration within_ = Duration::zero();
};

} // namespace zcomet::webnode::worker

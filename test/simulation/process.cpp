#include "test/simulation/process.hpp"

#include <algorithm>

namespace zcomet::sim {

namespace {
constexpr Duration kWakeUpMax = 200us;
/// The time of a turn in a loop that goes on without sleeping.
constexpr Duration kTurnTime = 20us;
/// A loop that has this many turns in a row without an input, and wants another one at once, spins.
constexpr unsigned kIdleTurnsMax = 100;
} // namespace

void Process::on_input() {
    idle_turns_ = 0;
    wake(world_.now() + world_.random().spread(1us, kWakeUpMax));
}

void Process::wake(Time time) {
    const Time at = std::max({time, world_.now(), stalled_until_});
    if (!alive_ || at >= next_turn_ || time == kNever) {
        return;
    }
    next_turn_ = at;
    world_.at(at, [this, at] {
        if (alive_ && next_turn_ == at) {
            run_turn();
        }
    });
}

void Process::run_turn() {
    next_turn_ = kNever;
    if (world_.now() < stalled_until_) {
        return wake(stalled_until_);
    }
    turn();
    if (due() > world_.now()) {
        idle_turns_ = 0;
        return wake(due());
    }
    if (++idle_turns_ > kIdleTurnsMax) {
        world_.violate(name_ + " spins: it is due at once, again and again");
    }
    wake(world_.now() + kTurnTime);
}

} // namespace zcomet::sim

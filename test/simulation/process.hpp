// A simulated process: something with a loop that sleeps until a time or an input.
#pragma once

#include "test/simulation/world.hpp"

#include <string>
#include <utility>

namespace zcomet::sim {

class Process {
  public:
    Process(World& world, std::string name) : world_(world), name_(std::move(name)) {}
    virtual ~Process() = default;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] const std::string& process_name() const { return name_; }
    [[nodiscard]] bool alive() const { return alive_; }

    /// It does nothing until `duration` is over, whatever input comes.
    void stall(Duration duration) { stalled_until_ = world_.now() + duration; }
    void end_stall() {
        stalled_until_ = Time::min();
        wake(world_.now());
    }

  protected:
    /// One turn of the loop: takes its input, does what is due.
    virtual void turn() = 0;
    /// When turn() is next due without an input.
    [[nodiscard]] virtual Time due() const = 0;

    /// Input has come; the loop takes it in a moment.
    void on_input();
    void wake(Time time);
    void die() { alive_ = false; }
    [[nodiscard]] World& world() const { return world_; }

  private:
    void run_turn();

    World& world_;
    std::string name_;
    bool alive_ = true;
    Time stalled_until_ = Time::min();
    Time next_turn_ = kNever;
    unsigned idle_turns_ = 0;
};

} // namespace zcomet::sim

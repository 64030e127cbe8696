// The workers' records in memory that supervisor and workers share.
#pragma once

#include "topology/base/unique_fd.hpp"
#include "webnode/slot/worker_counters.hpp"

#include <cstddef>
#include <span>

namespace zcomet::webnode::slot {

/// A mapping of `count` worker records in an anonymous file, whose descriptor workers inherit.
class SharedSlots {
  public:
    /// Makes the file, all records fresh. Throws std::system_error if the system has no room.
    static SharedSlots create(std::size_t count);
    /// Maps what the supervisor made. `fd` stays open. Throws std::system_error.
    static SharedSlots attach(UniqueFd fd);
    ~SharedSlots();
    SharedSlots(SharedSlots&& other) noexcept;
    SharedSlots& operator=(SharedSlots&& other) = delete;
    SharedSlots(const SharedSlots&) = delete;
    SharedSlots& operator=(const SharedSlots&) = delete;

    /// Valid as long as this lives.
    [[nodiscard]] std::span<WorkerSlot> slots() const { return slots_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    SharedSlots(UniqueFd fd, std::size_t count);

    UniqueFd fd_;
    std::span<WorkerSlot> slots_;
};

} // namespace zcomet::webnode::slot

// Records in memory that a process shares with its children: an anonymous file, which they map too.
#pragma once

#include "topology/base/unique_fd.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace zcomet::process {

/// An anonymous file and its mapping, all zero at first.
class SharedMemory {
  public:
    /// @param name  for people who look at /proc/PID/maps.
    /// Throws std::system_error if the system has no room.
    static SharedMemory create(std::size_t bytes, const char* name);
    /// Maps what another process made. Throws std::system_error.
    static SharedMemory attach(UniqueFd fd);
    ~SharedMemory();
    SharedMemory(SharedMemory&& other) noexcept;
    SharedMemory& operator=(SharedMemory&& other) = delete;
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    SharedMemory(UniqueFd fd, std::size_t bytes);

    UniqueFd fd_;
    std::span<std::byte> bytes_;
};

/// An array of records. A child that was forked has it as it is; one that was executed inherits
/// the descriptor and attaches. Each record is written by one process at a time, and read by any:
/// its members are atomic. No destructor is run.
template <typename Record> class SharedRecords {
    static_assert(std::is_trivially_destructible_v<Record>);

  public:
    /// All records are as their default constructor makes them. As SharedMemory::create().
    static SharedRecords create(std::size_t count, const char* name) {
        SharedRecords shared(SharedMemory::create(count * sizeof(Record), name));
        for (Record& record : shared.records()) {
            std::construct_at(&record);
        }
        return shared;
    }
    /// The records that another process made. As SharedMemory::attach().
    static SharedRecords attach(UniqueFd fd) {
        return SharedRecords(SharedMemory::attach(std::move(fd)));
    }

    /// Valid as long as this lives.
    [[nodiscard]] std::span<Record> records() const {
        // A mapping begins at a page, so its alignment is right for any record.
        return {reinterpret_cast<Record*>(memory_.bytes().data()), // NOLINT(*-reinterpret-cast)
                memory_.bytes().size() / sizeof(Record)};
    }
    [[nodiscard]] int fd() const { return memory_.fd(); }

  private:
    explicit SharedRecords(SharedMemory memory) : memory_(std::move(memory)) {}

    SharedMemory memory_;
};

} // namespace zcomet::process

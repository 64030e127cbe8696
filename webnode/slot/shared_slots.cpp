#include "webnode/slot/shared_slots.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace zcomet::webnode::slot {

namespace {

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

SharedSlots SharedSlots::create(std::size_t count) {
    UniqueFd fd(::memfd_create("zcomet-workers", MFD_CLOEXEC));
    if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(count * sizeof(WorkerSlot))) != 0) {
        throw_errno("memory shared with the workers");
    }
    SharedSlots shared(std::move(fd), count);
    for (WorkerSlot& slot : shared.slots()) {
        std::construct_at(&slot);
    }
    return shared;
}

SharedSlots SharedSlots::attach(UniqueFd fd) {
    struct stat about {};
    if (::fstat(fd.get(), &about) != 0) {
        throw_errno("memory shared with the supervisor");
    }
    return {std::move(fd), static_cast<std::size_t>(about.st_size) / sizeof(WorkerSlot)};
}

SharedSlots::SharedSlots(UniqueFd fd, std::size_t count) : fd_(std::move(fd)) {
    void* memory = ::mmap(nullptr, count * sizeof(WorkerSlot), PROT_READ | PROT_WRITE, MAP_SHARED,
                          fd_.get(), 0);
    if (memory == MAP_FAILED) { // NOLINT(performance-no-int-to-ptr)
        throw_errno("memory shared between supervisor and workers");
    }
    slots_ = {static_cast<WorkerSlot*>(memory), count};
}

SharedSlots::SharedSlots(SharedSlots&& other) noexcept
    : fd_(std::move(other.fd_)), slots_(std::exchange(other.slots_, {})) {}

SharedSlots::~SharedSlots() {
    if (!slots_.empty()) {
        ::munmap(slots_.data(), slots_.size_bytes());
    }
}

} // namespace zcomet::webnode::slot

#include "topology/process/shared_records.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace zcomet::process {

namespace {

[[noreturn]] void throw_errno() {
    throw std::system_error(errno, std::generic_category(), "memory shared between processes");
}

} // namespace

SharedMemory SharedMemory::create(std::size_t bytes, const char* name) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
    if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
        throw_errno();
    }
    return {std::move(fd), bytes};
}

SharedMemory SharedMemory::attach(UniqueFd fd) {
    struct stat about {};
    if (::fstat(fd.get(), &about) != 0) {
        throw_errno();
    }
    return {std::move(fd), static_cast<std::size_t>(about.st_size)};
}

SharedMemory::SharedMemory(UniqueFd fd, std::size_t bytes) : fd_(std::move(fd)) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (memory == MAP_FAILED) { // NOLINT(performance-no-int-to-ptr)
        throw_errno();
    }
    bytes_ = {static_cast<std::byte*>(memory), bytes};
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})) {}

SharedMemory::~SharedMemory() {
    if (!bytes_.empty()) {
        ::munmap(bytes_.data(), bytes_.size());
    }
}

} // namespace zcomet::process

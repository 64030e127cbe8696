#include "topology/base/small_file.hpp"

#include "topology/base/text.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace zcomet {

namespace {

Error cannot_read(const std::string& path, int error) {
    return Error{"cannot read " + in_quotes(path) + ": " + std::generic_category().message(error)};
}

bool is_private(int file, const struct stat& about) {
    constexpr mode_t kOfOthers = S_IRWXG | S_IRWXO | S_IXUSR;
    if (about.st_uid != ::geteuid() && about.st_uid != 0) {
        return false;
    }
    if ((about.st_mode & kOfOthers) == 0) {
        return true;
    }
    const bool has_list = ::fgetxattr(file, "system.posix_acl_access", nullptr, 0) > 0;
    return has_list && about.st_uid == 0 && (about.st_mode & kOfOthers) == S_IRGRP;
}

} // namespace

Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max) {
    // Not to wait for the other end of a pipe.
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (!file.valid() || ::fstat(file.get(), &about) != 0) {
        return cannot_read(path, errno);
    }
    if (!S_ISREG(about.st_mode)) {
        return Error{in_quotes(path) + " is no ordinary file"};
    }
    SmallFile small;
    small.is_open_to_others = (about.st_mode & (S_IRWXO | S_IWGRP)) != 0;
    small.is_private = is_private(file.get(), about);
    small.text.resize(bytes_max + 1);
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < small.text.size();) {
        got = ::read(file.get(), small.text.data() + size, small.text.size() - size);
        if (got < 0 && errno != EINTR) {
            return cannot_read(path, errno);
        }
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
        got = got < 0 ? 1 : got;
    }
    if (size > bytes_max) {
        return Error{in_quotes(path) + " has more than " + std::to_string(bytes_max) + " bytes"};
    }
    small.text.resize(size);
    return small;
}

} // namespace zcomet

#include "topology/program/run_as.hpp"

#include "topology/base/text.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace zcomet::program {

namespace {

struct User {
    uid_t id = 0;
    gid_t group = 0;
};

Result<User> find_user(const std::string& name) {
    std::vector<char> text(16U << 10U);
    passwd entry{};
    passwd* found = nullptr;
    const int error = ::getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
    if (found == nullptr) {
        return Error{"there is no user " + in_quotes(name) +
                     (error == 0 ? std::string() : std::string(": ") + std::strerror(error))};
    }
    if (entry.pw_uid == 0) {
        return Error{"the user " + in_quotes(name) + " is root"};
    }
    return User{entry.pw_uid, entry.pw_gid};
}

/// No program that is executed later gets another right than the one to listen at low ports.
/// @return false with errno set.
bool bound_rights() {
    for (unsigned long right = 0; ::prctl(PR_CAPBSET_READ, right, 0, 0, 0) >= 0; ++right) {
        if (right != CAP_NET_BIND_SERVICE && ::prctl(PR_CAPBSET_DROP, right, 0, 0, 0) != 0) {
            return false;
        }
    }
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/// Keeps the right to listen at low ports, if this process had it, and no other.
/// @return false with errno set.
bool keep_low_ports() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> rights{};
    if (::syscall(SYS_capget, &header, rights.data()) != 0) {
        return false;
    }
    const std::uint32_t kept = rights[0].permitted & (1U << CAP_NET_BIND_SERVICE);
    rights = {};
    rights[0] = {kept, kept, kept};
    return ::syscall(SYS_capset, &header, rights.data()) == 0 &&
           (kept == 0 ||
            ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0);
}

} // namespace

Status run_as(const std::string& user) {
    if (user.empty()) {
        return Done{};
    }
    const Result<User> found = find_user(user);
    if (!found.ok()) {
        return found.error();
    }
    const User& who = found.value();
    if (::geteuid() == who.id && ::getuid() == who.id) {
        return Done{};
    }
    const bool done = bound_rights() && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 &&
                      ::initgroups(user.c_str(), who.group) == 0 &&
                      ::setresgid(who.group, who.group, who.group) == 0 &&
                      ::setresuid(who.id, who.id, who.id) == 0 && keep_low_ports();
    if (!done) {
        return Error{"cannot become the user " + in_quotes(user) + ": " + std::strerror(errno)};
    }
    return Done{};
}

void warn_of_root() {
    if (::geteuid() == 0) {
        spdlog::warn("event=root text=\"runs as root, which it need not; --user NAME gives that "
                     "up\"");
    }
}

} // namespace zcomet::program

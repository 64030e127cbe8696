// Giving up the rights of root.
#pragma once

#include "topology/base/result.hpp"

#include <string>

namespace zcomet::program {

/// This process, and those that it starts, run as that user from now on, with the user's groups. Of
/// root's rights they keep the one to listen at ports below 1024 (CAP_NET_BIND_SERVICE), which a
/// restarted process needs again, and nothing that they execute can give them others. Threads that
/// run already become the user's, too, without any such right.
/// Does nothing without a user (an empty name), and in a process that is the user's already.
/// Errors: there is no such user; this process may not become another one's; the user is root.
[[nodiscard]] Status run_as(const std::string& user);

/// A line in the log if this process runs as root. To be called once it has started well.
void warn_of_root();

} // namespace zcomet::program

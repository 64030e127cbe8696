// Small files that a program reads whole, such as those with keys.
#pragma once

#include "topology/base/result.hpp"

#include <cstddef>
#include <string>

namespace zcomet {

struct SmallFile {
    std::string text;
    /// Whether other users of the host may read it, or those of its group may change it. What
    /// systemd's LoadCredential makes may be read by its group: in that bit the kernel shows the
    /// rights of the one user for whom it is.
    bool is_open_to_others = false;
    /// Whether it is fit for a secret: mode 0600 or 0400, of this process's user or root. So is a
    /// file of root that its group may read by an access control list, as LoadCredential makes it.
    bool is_private = false;
};

/// Errors: it cannot be read, it is no ordinary file, or it has more than `bytes_max` bytes. The
/// sentence names it.
[[nodiscard]] Result<SmallFile> read_small_file(const std::string& path, std::size_t bytes_max);

} // namespace zcomet

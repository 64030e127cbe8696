// Core dumps of programs that hold secrets.
#pragma once

namespace zcomet::program {

/// From now on neither this process nor those that it starts leaves a core dump, whether to a file
/// or to a program such as systemd-coredump. To be called before a secret is read or made: copies
/// of it are soon in the memory of libraries. Children inherit it, and cannot undo it.
void make_no_core_dumps();

} // namespace zcomet::program

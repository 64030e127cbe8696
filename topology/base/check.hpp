// The assertion for our own bugs. It stays on in release builds: a broker that goes on with a
// broken table does more harm than one that stops and is restarted by its supervisor.
#pragma once

namespace zcomet {

/// Prints the condition and where it stands to standard error, then aborts. Never returns.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

} // namespace zcomet

/// Aborts unless `condition` holds. One condition per use, so that the message names what broke.
#define ZCOMET_ASSERT(condition)                                                                   \
    (static_cast<bool>(condition) ? static_cast<void>(0)                                           \
                                  : ::zcomet::check_failed(#condition, __FILE__, __LINE__))

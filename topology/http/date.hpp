// The header Date: RFC 9110, sections 5.6.7 and 6.6.1.
#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

namespace zcomet::http {

/// Bytes of every date.
inline constexpr std::size_t kDateBytes = 29;

/// "Sun, 06 Nov 1994 08:49:37 GMT". `second` is of the years 1 to 9999.
[[nodiscard]] std::string date_text(std::time_t second);

/// The present second, by the system's clock, as date_text() writes it. It is written once a
/// second.
/// @return valid until the thread's next call.
/// Thread: any; each has its own text.   Cost: a look at the clock, some 20 ns.
[[nodiscard]] std::string_view date_now();

} // namespace zcomet::http

#include "topology/http/date.hpp"

#include "topology/base/check.hpp"

#include <array>
#include <cstdio>

namespace zcomet::http {

/// Not by strftime(3): its names of days and months are those of the locale.
std::string date_text(std::time_t second) {
    constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    constexpr int kFirstYear = 1900;
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    std::array<char, 64> text{};
    const int bytes =
        std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                      kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + kFirstYear,
                      parts.tm_hour, parts.tm_min, parts.tm_sec);
    ZCOMET_ASSERT(bytes == static_cast<int>(kDateBytes));
    return {text.data(), kDateBytes};
}

std::string_view date_now() {
    static thread_local std::time_t written_second = -1;
    static thread_local std::string text;
    const std::time_t second = std::time(nullptr);
    if (second != written_second) {
        text = date_text(second);
        written_second = second;
    }
    return text;
}

} // namespace zcomet::http

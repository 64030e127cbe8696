// A metric's name, meaning and kind: one row for each value of an enum.
//
// A program keeps the table beside its enum; everything about a metric is in that row.
// Formats (json.hpp) read the rows; the counters themselves (counters.hpp) know only the enum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zcomet::metrics {

enum class Kind : std::uint8_t {
    kCounter, ///< how often something happened, or how much of it there was: it only grows
    kGauge,   ///< how much there is now
};

enum class Unit : std::uint8_t {
    kNone, ///< things are counted
    kBytes,
    kKibibytes,
    kMilliseconds,
};

/// A row of a table of metrics. Its texts are constants.
struct Metric {
    std::size_t id = 0;    ///< the value of the enum; unused by a metric that is in no table
    std::string_view name; ///< lower case, with `_`
    std::string_view help; ///< half a sentence, without a full stop
    Unit unit = Unit::kNone;
    Kind kind = Kind::kCounter;
};

template <typename Id>
constexpr Metric counter(Id id, std::string_view name, std::string_view help,
                         Unit unit = Unit::kNone) {
    return {static_cast<std::size_t>(id), name, help, unit, Kind::kCounter};
}

template <typename Id>
constexpr Metric gauge(Id id, std::string_view name, std::string_view help,
                       Unit unit = Unit::kNone) {
    return {static_cast<std::size_t>(id), name, help, unit, Kind::kGauge};
}

/// Whether a name can be used by every format: lower-case letters, digits and `_`, a letter first.
constexpr bool is_metric_name(std::string_view name) {
    for (const char c : name) {
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
            return false;
        }
    }
    return !name.empty() && name.front() >= 'a' && name.front() <= 'z';
}

/// Whether `table` has a row for each value of the enum, in its order, each with a name of its own
/// and a help text. For a static_assert beside the table.
template <typename Id, std::size_t kRows>
constexpr bool is_table_of(const std::array<Metric, kRows>& table) {
    if (kRows != static_cast<std::size_t>(Id::kCount)) {
        return false;
    }
    for (std::size_t i = 0; i < kRows; ++i) {
        if (table[i].id != i || !is_metric_name(table[i].name) || table[i].help.empty()) {
            return false;
        }
        for (std::size_t other = 0; other < i; ++other) {
            if (table[other].name == table[i].name) {
                return false;
            }
        }
    }
    return true;
}

} // namespace zcomet::metrics

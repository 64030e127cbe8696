// One connection for each kind of incident, for a log that has a line for many of them.
#pragma once

#include "webnode/connection/connections.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace zcomet::webnode::connection {

/// Thread: one.
class IncidentNotes {
  public:
    /// @param status  of Incident::kRefused; 0: none.
    /// @param fields  `() -> std::string`: the connection's fields in the log line. It is called
    ///     for the first connection since the last take().
    template <typename Fields> void note(Incident incident, int status, Fields&& fields) {
        std::string& words = words_[static_cast<std::size_t>(incident)];
        if (words.empty()) {
            words = status == 0 ? std::string() : " status=" + std::to_string(status);
            words.append(fields());
        }
    }

    /// The fields of a connection to which that has happened since the last call;
    /// " status=STATUS" comes before them if it was refused.
    [[nodiscard]] std::string take(Incident incident) {
        return std::exchange(words_[static_cast<std::size_t>(incident)], {});
    }

  private:
    std::array<std::string, static_cast<std::size_t>(Incident::kCount)> words_;
};

} // namespace zcomet::webnode::connection

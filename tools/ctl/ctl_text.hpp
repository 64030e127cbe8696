// What zcomet-ctl prints for people, from the JSON of a broker's answers (docs/PROTOCOL.md, section
// 4.8). Pure. Each function throws nlohmann::json::exception if the answer lacks what it needs.
#pragma once

#include "topology/base/time.hpp"
#include "topology/client/client.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::tools::ctl {

/// "840 ms", "12 s", "3 min 5 s", "2 h 14 min", "3 d 4 h": two units at most.
[[nodiscard]] std::string age_text(std::chrono::milliseconds age);

/// "0", "840 B", "64 KiB", "3.5 MiB", "2.0 GiB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// Sorts the nodes by name.
[[nodiscard]] nlohmann::json sorted_nodes(nlohmann::json answer);

/// A table with a line for each node, sorted by name.
[[nodiscard]] std::string nodes_text(const nlohmann::json& answer);

/// The names of the nodes, one a line, or a sentence that there are none.
[[nodiscard]] std::string who_text(const nlohmann::json& answer);

/// That the node was told to drain.
[[nodiscard]] std::string drain_text(const nlohmann::json& answer);

/// A table of the broker's facts and counters.
[[nodiscard]] std::string stats_text(const nlohmann::json& answer);

/// Whether all remainders are 0, and no message is on its way.
[[nodiscard]] bool ledger_is_settled(const nlohmann::json& answer);
/// A line for each hop: the messages that came in, and their fates.
[[nodiscard]] std::string ledger_text(const nlohmann::json& answer);

/// The fate of a message to `id`.
/// @param acknowledged  the nodes are those at which it has arrived, and not those that held the
///     id.
[[nodiscard]] std::string sent_text(std::string_view id, const client::Sent& sent,
                                    bool acknowledged);

/// "pong from tcp://127.0.0.1:5555: 0.21 ms".
[[nodiscard]] std::string pong_text(std::string_view broker, Duration round_trip);

/// The least, the mean and the most of one or more round trips.
[[nodiscard]] std::string pongs_text(const std::vector<Duration>& round_trips);

} // namespace zcomet::tools::ctl

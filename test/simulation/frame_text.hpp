// Frames in the form that a trace shows.
#pragma once

#include "topology/wire/frames.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zcomet::sim {

/// A message's payload begins with the number that the simulation gave it, in eight bytes.
[[nodiscard]] std::string make_payload(std::uint64_t message, std::size_t filler_bytes);
/// @return nothing if no simulated sender made it.
[[nodiscard]] std::optional<std::uint64_t> message_of(std::string_view payload);

/// One line: the kind of the frame, its fields, its messages as "#number→id".
/// @param role  the receiver's, if it is a WELCOME.
[[nodiscard]] std::string frame_text(std::string_view frame, wire::Role role);

/// Whether a cluster with nothing to do goes on sending frames of this kind: heartbeats and empty
/// batches.
[[nodiscard]] bool is_heartbeat(std::string_view frame);

} // namespace zcomet::sim

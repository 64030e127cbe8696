// Bits in the frames of topology/wire/frames.hpp, for the codec alone.
#pragma once

#include <cstdint>

namespace zcomet::wire {

inline constexpr std::uint8_t kPartFirst = 1; ///< of a LIST
inline constexpr std::uint8_t kPartLast = 2;
inline constexpr std::uint8_t kFlagReceipt = 1; ///< of a SEND
inline constexpr std::uint8_t kFlagAcknowledge = 2;
inline constexpr std::uint8_t kFlagShed = 1; ///< of a BATCH
inline constexpr std::uint8_t kFlagOrigins = 2;
inline constexpr std::uint8_t kFlagAttributes = 4; ///< of a SEND or a BATCH
inline constexpr std::uint8_t kFlagForFeed = 1;    ///< of a HISTORY
inline constexpr std::uint8_t kFlagNewest = 2;
inline constexpr std::uint8_t kFlagMore = 1;      ///< of a KEPT
inline constexpr std::uint8_t kFlagPositions = 1; ///< of a RECEIPT or an ACKNOWLEDGED
/// Numbers of nodes in a RECEIPT or an ACKNOWLEDGED that stand for something else.
inline constexpr std::uint32_t kNodesNotKnown = 0xFFFF'FFFF;
inline constexpr std::uint32_t kNodesOtherMessage = 0xFFFF'FFFE;
inline constexpr std::uint32_t kNodesUnderWay = 0xFFFF'FFFD;
inline constexpr std::uint32_t kNodesNotAllowed = 0xFFFF'FFFC;

} // namespace zcomet::wire

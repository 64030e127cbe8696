// A number that stands for a set of ids, by which two sides compare their sets.
#pragma once

#include <cstdint>
#include <string_view>

namespace zcomet::wire {

/// The digest of one id: 64-bit FNV-1a of its bytes (draft-eastlake-fnv). The digest of a set is
/// the sum of the digests of its ids, modulo 2^64. So an id that joins is added and one that leaves
/// is subtracted, in any order.
[[nodiscard]] constexpr std::uint64_t id_digest(std::string_view id) {
    std::uint64_t hash = 0xCBF2'9CE4'8422'2325U;
    for (const char c : id) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01B3U;
    }
    return hash;
}

} // namespace zcomet::wire

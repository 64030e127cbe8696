// Numbers in network byte order.
#pragma once

#include <endian.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace zcomet::wire {

/// From this machine's byte order to that of the network, or back.
template <typename Number> Number swapped(Number value) {
    static_assert(std::is_unsigned_v<Number> && sizeof(Number) <= sizeof(std::uint64_t));
    if constexpr (sizeof(Number) == sizeof(std::uint64_t)) {
        return ::htobe64(value);
    } else if constexpr (sizeof(Number) == sizeof(std::uint32_t)) {
        return ::htobe32(value);
    } else if constexpr (sizeof(Number) == sizeof(std::uint16_t)) {
        return ::htobe16(value);
    } else {
        return value;
    }
}

template <typename Number> Number load(const char* from) {
    Number value = 0;
    std::memcpy(&value, from, sizeof(value));
    return swapped(value);
}

template <typename Number> void append(std::string& out, Number value) {
    std::array<char, sizeof(Number)> bytes;
    const Number in_order = swapped(value);
    std::memcpy(bytes.data(), &in_order, sizeof(in_order));
    out.append(bytes.data(), bytes.size()); // in one piece: a byte alone looks for room each time
}

} // namespace zcomet::wire

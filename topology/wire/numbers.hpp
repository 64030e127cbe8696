// Numbers in network byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace zcomet::wire {

template <typename Number> Number load(const char* from) {
    Number value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
        value = (value << 8U) | static_cast<unsigned char>(from[i]);
    }
    return value;
}

template <typename Number> void append(std::string& out, Number value) {
    for (unsigned shift = sizeof(Number) * 8; shift > 0; shift -= 8) {
        out.push_back(static_cast<char>((value >> (shift - 8)) & 0xFFU));
    }
}

} // namespace zcomet::wire

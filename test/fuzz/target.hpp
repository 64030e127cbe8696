// A fuzz target: one function that takes any bytes, and aborts if something is wrong.
// libFuzzer calls it where the compiler has it; elsewhere replay.cpp does, with the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace zcomet::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// An input whose first letter says what the rest is.
struct Lettered {
    char letter = '\0'; // of an empty input, too
    std::string text;
};

inline Lettered lettered(const std::uint8_t* data, std::size_t size) {
    return size == 0 ? Lettered()
                     : Lettered{static_cast<char>(*data), std::string(text_of(data + 1, size - 1))};
}

} // namespace zcomet::fuzz

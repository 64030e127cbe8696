// What a byte of a request's head may be part of, by RFC 9110.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace zcomet::http {

struct ByteClass {
    bool text = false;  ///< any line: everything but control characters; HTAB is allowed
    bool token = false; ///< a method or a header's name: RFC 9110, section 5.6.2
};

constexpr std::array<ByteClass, 256> make_byte_classes() {
    std::array<ByteClass, 256> classes{};
    for (std::size_t c = 0x20; c < 256; ++c) {
        classes[c].text = c != 0x7F;
    }
    classes['\t'].text = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
        classes[static_cast<unsigned char>(c)].token = true;
    }
    return classes;
}

inline constexpr std::array<ByteClass, 256> kByteClasses = make_byte_classes();

[[nodiscard]] constexpr ByteClass class_of(char c) {
    return kByteClasses[static_cast<unsigned char>(c)];
}

[[nodiscard]] inline bool is_token(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return class_of(c).token; });
}

} // namespace zcomet::http

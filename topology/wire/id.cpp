#include "topology/wire/id.hpp"

#include <algorithm>
#include <array>

namespace zcomet::wire {

namespace {

constexpr std::array<bool, 256> make_id_characters() {
    std::array<bool, 256> allowed{};
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789._~:@-")) {
        allowed[static_cast<unsigned char>(c)] = true;
    }
    return allowed;
}

constexpr std::array<bool, 256> kIdCharacters = make_id_characters();

} // namespace

bool valid_id(std::string_view text) {
    return !text.empty() && text.size() <= kIdBytesMax &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return kIdCharacters[static_cast<unsigned char>(c)]; });
}

std::string why_invalid_id(std::string_view text) {
    if (text.empty()) {
        return "the id is empty; an id has 1 to 64 characters";
    }
    if (text.size() > kIdBytesMax) {
        return "the id has " + std::to_string(text.size()) + " bytes; an id has at most 64";
    }
    return "the id has a character outside A-Z a-z 0-9 . _ ~ : @ -";
}

} // namespace zcomet::wire

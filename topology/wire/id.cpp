#include "topology/wire/id.hpp"

#include <array>

namespace zcomet::wire {

namespace {

constexpr std::array<unsigned char, 256> make_id_characters() {
    std::array<unsigned char, 256> allowed{};
    for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789._~:@-")) {
        allowed[static_cast<unsigned char>(c)] = 1;
    }
    return allowed;
}

constexpr std::array<unsigned char, 256> kIdCharacters = make_id_characters();

} // namespace

bool valid_id(std::string_view text) {
    if (text.empty() || text.size() > kIdBytesMax) {
        return false;
    }
    // Nearly all ids are good, so all characters are looked up, without a branch for each.
    unsigned char good = 1;
    for (const char c : text) {
        good &= kIdCharacters[static_cast<unsigned char>(c)];
    }
    return good != 0;
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

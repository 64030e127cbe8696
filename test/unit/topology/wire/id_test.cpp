// Valid ids, and the error texts for invalid ones.
#include "topology/wire/id.hpp"

#include <catch2/catch.hpp>

namespace id_test {

using namespace zcomet;
using namespace zcomet::wire;

TEST_CASE("ids are 1 to 64 of the allowed characters", "[id]") {
    CHECK(valid_id("123"));
    CHECK(valid_id("Az09._~:@-"));
    CHECK(valid_id(std::string(64, 'x')));

    CHECK_FALSE(valid_id(""));
    CHECK_FALSE(valid_id(std::string(65, 'x')));
    for (int c = 0; c < 256; ++c) {
        const char character = static_cast<char>(c);
        const bool allowed =
            c < 128 &&
            (std::isalnum(c) != 0 || std::string("._~:@-").find(character) != std::string::npos);
        INFO("character " << c);
        CHECK(valid_id(std::string(1, character)) == allowed);
    }
}

TEST_CASE("the mistake in an id is named in a sentence", "[id]") {
    CHECK(why_invalid_id("") == "the id is empty; an id has 1 to 64 characters");
    CHECK(why_invalid_id(std::string(70, 'x')) == "the id has 70 bytes; an id has at most 64");
    CHECK(why_invalid_id("a b") == "the id has a character outside A-Z a-z 0-9 . _ ~ : @ -");
}

} // namespace id_test

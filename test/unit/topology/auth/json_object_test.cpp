#include "topology/auth/json_object.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace json_object_test {

using namespace zcomet;

namespace {

bool is_read(const std::string& text) {
    nlohmann::json object;
    return auth::read_object(text, object);
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (std::size_t n = 0; n < times; ++n) {
        all += text;
    }
    return all;
}

} // namespace

TEST_CASE("a JSON object is read, and nothing else", "[auth]") {
    CHECK(is_read("{}"));
    CHECK(is_read(R"( {"a":1,"b":{"a":2},"c":[{"a":1},{"a":1}]} )"));
    for (const char* const text : {"", "1", "[]", "\"{}\"", "null", "{", "{}{}", "{\"a\":1e999}",
                                   "{\"a\":\"\xff\"}", "{a:1}", "{\"a\":NaN}"}) {
        CAPTURE(text);
        CHECK_FALSE(is_read(text));
    }
}

TEST_CASE("a name that stands in an object twice is refused", "[auth]") {
    CHECK_FALSE(is_read(R"({"sub":"a","sub":"b"})"));
    CHECK_FALSE(is_read(R"({"sub":"a","x":{"y":1},"s\u0075b":"b"})")); // the same name
}

TEST_CASE("a deep object costs nothing", "[auth]") {
    const auto nested = [](std::size_t depth) {
        return R"({"a":)" + repeated("[", depth) + repeated("]", depth) + "}";
    };
    CHECK(is_read(nested(auth::kJsonDepthMax - 1)));
    CHECK_FALSE(is_read(nested(auth::kJsonDepthMax)));
    CHECK_FALSE(is_read(nested(1'000'000)));
    CHECK_FALSE(is_read(repeated("{\"a\":", 1'000'000)));
    CHECK(is_read(R"({"a":"[[[[[[[[[[[[[[[[[[[[\"[[[[[[[["})")); // in a string
}

} // namespace json_object_test

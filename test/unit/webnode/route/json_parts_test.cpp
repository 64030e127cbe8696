// Goal: the parts of any JSON text are those that nlohmann-json finds, and keep their values.
#include "webnode/route/json_parts.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace zcomet::webnode::route::json_parts_test {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> values_of(std::string_view list) {
    std::vector<std::string> values;
    for_each_value(list, [&values](std::string_view value) {
        values.emplace_back(value);
        return true;
    });
    return values;
}

std::vector<std::pair<std::string, std::string>> members_of(std::string_view object) {
    std::vector<std::pair<std::string, std::string>> members;
    for_each_member(object, [&members](const std::string& name, std::string_view value) {
        members.emplace_back(name, value);
    });
    return members;
}

std::string random_text(std::mt19937& random) {
    constexpr std::string_view kBytes = "ab \"\\[]{},:\n\t";
    std::string text(random() % 5, ' ');
    for (char& c : text) {
        c = kBytes[random() % kBytes.size()];
    }
    return text;
}

Json random_json(std::mt19937& random, int depth) {
    switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
        return nullptr;
    case 1:
        return random() % 2 == 0;
    case 2:
        return static_cast<int>(random()) / 2;
    case 3:
        return static_cast<double>(random()) / 8;
    case 4:
        return random_text(random);
    case 5: {
        Json list = Json::array();
        for (auto n = random() % 4; n > 0; --n) {
            list.push_back(random_json(random, depth - 1));
        }
        return list;
    }
    default: {
        Json object = Json::object();
        for (auto n = random() % 4; n > 0; --n) {
            object[random_text(random)] = random_json(random, depth - 1);
        }
        return object;
    }
    }
}

} // namespace

TEST_CASE("parts of JSON keep how they are written", "[json_parts]") {
    CHECK(values_of(R"([ 1.50, "a,]" ,[ ], {"b":[1,2]}])") ==
          std::vector<std::string>{"1.50", R"("a,]")", "[ ]", R"({"b":[1,2]})"});
    CHECK(values_of("[ ]").empty());
    CHECK(members_of("{ }").empty());
    CHECK(members_of(R"({"a" : 1 , "b\"}:\u0041":"\\"})") ==
          std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b\"}:A", R"("\\")"}});
    CHECK(text_of(R"("\u00fc \\ \"")") == "ü \\ \"");
    CHECK(without_blanks("{ \"a b\\\" \" :\t[ 1 ,\r\n2 ] }") == "{\"a b\\\" \":[1,2]}");
}

TEST_CASE("a list is left when its reader says so", "[json_parts]") {
    int visits = 0;
    for_each_value("[1,2,3]", [&visits](std::string_view) { return ++visits < 2; });
    CHECK(visits == 2);
}

TEST_CASE("a text is cut to its value", "[json_parts]") {
    const auto cut = [](std::string_view text) {
        return cut_to_json(text) ? std::string(text) : "no JSON";
    };
    CHECK(cut(" {} \n") == "{}");
    CHECK(cut("\xEF\xBB\xBF[1]") == "[1]");
    CHECK(cut("5") == "5");
    for (const std::string text :
         {"", " ", "{", "[1,]", "{} x", "'a'", "\"\xFF\"", "\"\\ud800\"", "nan"}) {
        CHECK(cut(text) == "no JSON");
    }
    CHECK(cut(std::string("{\"a\":1}\0\0", 9)) == "no JSON");
}

TEST_CASE("random JSON has the parts that the library finds", "[json_parts]") {
    const auto seed = std::random_device()();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int run = 0; run < 500; ++run) {
        const Json json = random_json(random, 4);
        const std::string text = json.dump(static_cast<int>(random() % 4) - 1);
        CAPTURE(text);
        REQUIRE(without_blanks(text) == json.dump());
        std::vector<std::string> expected;
        std::vector<std::string> found;
        for (const auto& [name, value] : json.items()) {
            expected.push_back((json.is_object() ? name + "=" : "") + value.dump());
        }
        if (json.is_array()) {
            for (const std::string& value : values_of(text)) {
                found.push_back(without_blanks(value));
            }
        } else if (json.is_object()) {
            for (const auto& [name, value] : members_of(text)) {
                found.push_back(name + "=" + without_blanks(value));
            }
        } else {
            continue;
        }
        REQUIRE(found == expected);
    }
}

} // namespace zcomet::webnode::route::json_parts_test

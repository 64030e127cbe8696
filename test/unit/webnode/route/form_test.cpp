// Goal: a form has the fields that its sender meant, or none.
#include "webnode/route/form.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace zcomet::webnode::route {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(std::string_view text) {
    const auto fields = read_form(text);
    REQUIRE(fields);
    Pairs pairs;
    for (const FormField& field : *fields) {
        pairs.emplace_back(field.name, field.value);
    }
    return pairs;
}

} // namespace

TEST_CASE("fields are decoded, and keep their order", "[form]") {
    CHECK(pairs_of("").empty());
    CHECK(pairs_of("&&").empty());
    CHECK(pairs_of("a=1&b=2&a=3") == Pairs{{"a", "1"}, {"b", "2"}, {"a", "3"}});
    CHECK(pairs_of("a=x+y%2B%3d%26%c3%BC&b%5B%5d=") == Pairs{{"a", "x y+=&\xC3\xBC"}, {"b[]", ""}});
    CHECK(pairs_of("private") == Pairs{{"private", ""}});
    CHECK(pairs_of("a=b=c&=d") == Pairs{{"a", "b=c"}, {"", "d"}});
    CHECK(pairs_of("a=%00") == Pairs{{"a", std::string(1, '\0')}});
}

TEST_CASE("a form that readers would decode differently is none", "[form]") {
    for (const char* const bad : {"%", "a=%", "a=%4", "a=%4g", "a=%-1", "a=1&b=%zz", "%4=1"}) {
        CAPTURE(bad);
        CHECK_FALSE(read_form(bad));
    }
}

TEST_CASE("a form has so many fields", "[form]") {
    std::string text;
    for (std::size_t n = 0; n < kFormFieldsMax; ++n) {
        text += "a=1&";
    }
    CHECK(pairs_of(text).size() == kFormFieldsMax);
    CHECK_FALSE(read_form(text + "a"));
}

} // namespace zcomet::webnode::route

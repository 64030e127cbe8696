// Which attributes are well formed, and that they are read as they were written.
#include "topology/wire/attributes.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace attributes_test {

using namespace std::string_literals;
using namespace zcomet::wire;

TEST_CASE("all attributes are read as they were written", "[attributes]") {
    const std::string trace = "0123456789abcdef";
    const std::string block = encode(Attributes{.event = "price",
                                                .content_type = "application/json",
                                                .trace_id = trace,
                                                .key = "fedcba9876543210",
                                                .position = 0x0102'0304'0506'0708,
                                                .is_private = true});
    CHECK(why_malformed_attributes(block).empty());
    const Attributes read = read_attributes(block);
    CHECK(read.event == "price");
    CHECK(read.content_type == "application/json");
    CHECK(read.trace_id == trace);
    CHECK(read.key == "fedcba9876543210");
    CHECK(read.position == 0x0102'0304'0506'0708);
    CHECK(read.is_private);
}

TEST_CASE("where nothing is said there are no bytes", "[attributes]") {
    CHECK(encode(Attributes{}).empty());
    CHECK(why_malformed_attributes({}).empty());
    CHECK(read_attributes({}).event.empty());
}

TEST_CASE("attributes of a later release are passed over", "[attributes]") {
    const std::string block = encode(Attributes{.event = "e"}) + "\xC8\x03new"s;
    CHECK(why_malformed_attributes(block).empty());
    CHECK(read_attributes(block).event == "e");
}

TEST_CASE("a key is taken off, and nothing else", "[attributes]") {
    const std::string key(kKeyBytes, 'k');
    const std::string before = encode({.event = "e", .trace_id = std::string_view(key)});
    const std::string after = "\xC8\x03new";
    std::string block = before;
    add_key(block, key);
    CHECK(block == encode({.event = "e", .trace_id = key, .key = key}));
    CHECK(why_malformed_attributes(block + after).empty());
    std::string rest = "as it was";
    CHECK(split_key(block + after, rest) == key);
    CHECK(rest == before + after);
    rest = "as it was";
    CHECK(split_key(before, rest).empty());
    CHECK(split_key(before + after, rest).empty());
    CHECK(split_key({}, rest).empty());
    CHECK(rest == "as it was");
    CHECK(split_key(encode({.key = key}), rest) == key);
    CHECK(rest.empty());
}

TEST_CASE("an origin is given, changed and taken off", "[attributes]") {
    const Origin origin{7, 9};
    std::string block = encode({.event = "e"});
    const std::string before = block;
    set_origin(block, origin);
    CHECK(read_attributes(block).origin == origin);
    CHECK(read_attributes(block).event == "e");
    std::string rest = "as it was";
    CHECK(split_origin(block, rest) == origin);
    CHECK(rest == before);
    set_origin(block, {8, 9});
    CHECK(read_attributes(block).origin == Origin{8, 9});
    CHECK(block.size() == before.size() + 2 + kOriginAttributeBytes);
    rest = "as it was";
    CHECK(split_origin(before, rest) == Origin{});
    CHECK(split_origin({}, rest) == Origin{});
    CHECK(rest == "as it was");
}

TEST_CASE("a block that is nearly full gives up its trace id for an origin", "[attributes]") {
    const std::string event(kEventBytesMax, 'e');
    const std::string type(kContentTypeBytesMax, 't');
    const std::string number(kKeyBytes, 'n');
    std::string block = encode({.event = event,
                                .content_type = type,
                                .trace_id = number,
                                .key = number,
                                .is_private = true});
    set_origin(block, {7, 9});
    CHECK(block.size() <= kSentAttributesBytesMax);
    const Attributes attributes = read_attributes(block);
    CHECK(attributes.origin == Origin{7, 9});
    CHECK(attributes.event == event);
    CHECK(attributes.content_type == type);
    CHECK(attributes.key == number);
    CHECK(attributes.is_private);
    CHECK(attributes.trace_id.empty());
}

TEST_CASE("what is malformed is refused", "[attributes]") {
    const auto block = GENERATE(
        as<std::string>(), "\x01", "\x01\x02x", "\0\0"s, "\x01\0"s,
        "\x01\x03"
        "a\nb",
        "\x01\x03"
        "a\0b"s,
        "\x01\x01\x7F", "\x01\x81" + std::string(129, 'x'), "\x02\x41" + std::string(65, 'x'),
        "\x03\x01"
        "1",
        "\x04\x04"
        "1234",
        "\x04\x08" + std::string(8, '\0'), "\x05\x0F" + std::string(15, 'x'),
        "\x06\x11" + std::string(17, 'x'), "\x07\x08" + std::string(8, 'x'),
        "\x07\x10" + std::string(8, '\0') + std::string(8, 'x'),
        "\x01\x01"
        "a\x01\x01"
        "b",
        "\x03\0\x01\x01"
        "a"s);
    CHECK_FALSE(why_malformed_attributes(block).empty());
}

TEST_CASE("they have 255 bytes at most", "[attributes]") {
    const std::string most = "\xC8\xFD" + std::string(253, 'x');
    CHECK(why_malformed_attributes(most).empty());
    CHECK_FALSE(why_malformed_attributes("\xC8\xFE" + std::string(254, 'x')).empty());
}

TEST_CASE("an event is a line", "[attributes]") {
    CHECK(why_no_event("price").empty());
    CHECK(why_no_event("Gr\xC3\xBC\xC3\x9F e").empty());
    CHECK(why_no_event("") == "the name of an event has 1 to 128 bytes");
    CHECK(why_no_event("a\rb") == "the name of an event has no control characters");
}

} // namespace attributes_test

// IdFrameReader says of every frame what decode() says, whatever the slices are.
#include "topology/wire/id_frame_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <variant>
#include <vector>

namespace id_frame_reader_test {

using namespace zcomet::wire;

namespace {

std::vector<std::string> ids_of(const Frame& frame) {
    IdList list;
    if (const auto* login = std::get_if<Login>(&frame)) {
        list = login->ids;
    } else if (const auto* logout = std::get_if<Logout>(&frame)) {
        list = logout->ids;
    } else {
        list = std::get<List>(frame).ids;
    }
    std::vector<std::string> ids;
    list.for_each([&](std::string_view id) { ids.emplace_back(id); });
    return ids;
}

/// @return whether the reader takes the frame; it has to agree with decode() about it.
bool agrees(const std::string& bytes, std::uint32_t slice) {
    const auto decoded = decode(bytes);
    auto reader = IdFrameReader::open(bytes);
    if (!reader) {
        return false;
    }
    while (!reader->done()) {
        const std::uint32_t looked_at = reader->check(slice);
        REQUIRE(looked_at > 0);
        REQUIRE(looked_at <= slice);
    }
    if (const auto* refusal = std::get_if<Refusal>(&decoded)) {
        REQUIRE(reader->refusal());
        CHECK(reader->refusal()->code == refusal->code);
        CHECK(reader->refusal()->kind == refusal->kind);
        CHECK(reader->refusal()->text == refusal->text);
        return false;
    }
    REQUIRE_FALSE(reader->refusal());
    const auto& frame = std::get<Frame>(decoded);
    CHECK(reader->frame().index() == frame.index());
    CHECK(ids_of(reader->frame()) == ids_of(frame));
    CHECK(reader->count() == ids_of(frame).size());
    return true;
}

IdFrameWriter some_ids(int count) {
    IdFrameWriter writer;
    for (int i = 0; i < count; ++i) {
        writer.add("id-" + std::to_string(i));
    }
    return writer;
}

} // namespace

TEST_CASE("id frame reader: takes LOGIN, LOGOUT and LIST in slices", "[wire]") {
    for (const int count : {0, 1, 2, 100}) {
        for (const std::uint32_t slice : {1U, 3U, 1000U}) {
            CHECK(agrees(some_ids(count).finish_login(7), slice));
            CHECK(agrees(some_ids(count).finish_logout(7), slice));
            CHECK(agrees(some_ids(count).finish_list(7, true, false), slice));
        }
    }
    const std::string list = some_ids(3).finish_list(7, true, false);
    auto reader = IdFrameReader::open(list);
    REQUIRE(reader);
    CHECK(reader->begins_list());
    CHECK(reader->check(100) == 3);
    const Frame frame = reader->frame();
    CHECK(std::get<List>(frame).change == 7);
    CHECK(std::get<List>(frame).first);
    CHECK_FALSE(std::get<List>(frame).last);
    CHECK_FALSE(IdFrameReader::open(some_ids(3).finish_list(7, false, true))->begins_list());
    CHECK_FALSE(IdFrameReader::open(some_ids(3).finish_login(1))->begins_list());
    CHECK_FALSE(IdFrameReader::open(encode(Ping{1})));
    CHECK_FALSE(IdFrameReader::open(""));
}

TEST_CASE("id frame reader: agrees with decode() about damaged frames", "[wire]") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t end) { return random() % end; };
    int good = 0;
    for (int i = 0; i < 5000; ++i) {
        auto writer = some_ids(static_cast<int>(below(20)));
        std::string bytes = below(2) == 0 ? writer.finish_list(1, below(2) == 0, below(2) == 0)
                                          : writer.finish_login(1);
        for (std::size_t damage = below(3); damage > 0; --damage) {
            if (below(2) == 0) {
                bytes[below(bytes.size())] = static_cast<char>(below(256));
            } else {
                bytes.resize(std::max<std::size_t>(bytes.size() + below(5), 2) - 2, 'x');
            }
        }
        good += agrees(bytes, 1 + static_cast<std::uint32_t>(below(30))) ? 1 : 0;
    }
    CHECK(good > 1000);
}

} // namespace id_frame_reader_test

// IdTable: against a std::map under random operations, its bounds, and what an id costs.
#include "topology/store/id_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace id_table_test {

using zcomet::store::IdIndex;
using zcomet::store::IdTable;
using zcomet::store::kChunkBytes;

TEST_CASE("id table: an id keeps its index until it is released", "[id_table]") {
    IdTable table;
    const auto first = table.intern("123");
    REQUIRE(first.is_new);
    const auto again = table.intern("123");
    REQUIRE_FALSE(again.is_new);
    REQUIRE(again.index == first.index);
    REQUIRE(table.find("123") == first.index);
    REQUIRE(table.name(first.index) == "123");
    REQUIRE(table.size() == 1);

    table.release(first.index);
    REQUIRE_FALSE(table.find("123").has_value());
    REQUIRE(table.size() == 0);
    REQUIRE(table.intern("456").index == first.index);
}

TEST_CASE("id table: ids of every length, in place and on the heap", "[id_table]") {
    IdTable table;
    for (std::size_t length = 0; length <= 255; ++length) {
        REQUIRE(table.intern(std::string(length, 'x')).is_new);
    }
    for (std::size_t length = 0; length <= 255; ++length) {
        const std::string id(length, 'x');
        const auto index = table.find(id);
        REQUIRE(index.has_value());
        REQUIRE(table.name(*index) == id);
    }
    REQUIRE_FALSE(table.find(std::string(256, 'x')).has_value());
}

TEST_CASE("id table: names stay where they are while the table grows", "[id_table]") {
    IdTable table;
    const std::string_view short_name = table.name(table.intern("short").index);
    const std::string long_id(64, 'l');
    const std::string_view long_name = table.name(table.intern(long_id).index);
    for (int i = 0; i < 100'000; ++i) {
        (void)table.intern(std::to_string(i));
    }
    REQUIRE(short_name == "short");
    REQUIRE(long_name == long_id);
}

TEST_CASE("id table: agrees with a map under random operations", "[id_table]") {
    const auto seed = GENERATE(take(3, random(1U, 1'000'000U)));
    CAPTURE(seed);
    std::mt19937 random(seed);
    IdTable table;
    std::map<std::string, IdIndex> model;
    for (int step = 0; step < 30'000; ++step) {
        std::string id = std::to_string(random() % 3000);
        if (random() % 4 == 0) {
            id += std::string(random() % 60, 'y');
        }
        const auto known = model.find(id);
        switch (random() % 3) {
        case 0: {
            const auto interned = table.intern(id);
            REQUIRE(interned.is_new == (known == model.end()));
            REQUIRE((interned.is_new || interned.index == known->second));
            model[id] = interned.index;
            break;
        }
        case 1:
            if (known != model.end()) {
                table.release(known->second);
                model.erase(known);
            }
            break;
        default:
            REQUIRE(table.find(id).has_value() == (known != model.end()));
        }
        REQUIRE(table.size() == model.size());
    }
    for (const auto& [id, index] : model) {
        REQUIRE(table.find(id) == index);
        REQUIRE(table.name(index) == id);
        REQUIRE(index < table.index_bound());
    }
}

TEST_CASE("id table: a million ids cost at most 40 bytes each, and go back", "[id_table]") {
    constexpr std::uint32_t kIds = 1'000'000;
    IdTable table;
    const std::size_t empty_bytes = table.memory_bytes();
    for (std::uint32_t i = 0; i < kIds; ++i) {
        (void)table.intern("user:" + std::to_string(i));
    }
    INFO("bytes for each id: " << table.memory_bytes() / kIds);
    REQUIRE(table.memory_bytes() <= std::size_t{kIds} * 40);
    for (std::uint32_t i = 0; i < kIds; ++i) {
        table.release(*table.find("user:" + std::to_string(i)));
    }
    REQUIRE(table.memory_bytes() < empty_bytes + 300'000);
}

TEST_CASE("id table: a large table finds all its ids, and forgets them", "[id_table]") {
    // Each shard is split at some hundred thousand ids; some are before others.
    const auto id_of = [](std::uint32_t i) { return "user:" + std::to_string(i); };
    constexpr std::uint32_t kIds = 150'000;
    IdTable table;
    for (int round = 0; round < 2; ++round) {
        std::vector<IdIndex> indices;
        for (std::uint32_t i = 0; i < kIds; ++i) {
            const auto interned = table.intern(id_of(i));
            REQUIRE(interned.is_new);
            indices.push_back(interned.index);
        }
        for (std::uint32_t i = 0; i < kIds; i += 2) {
            table.release(indices[i]);
        }
        REQUIRE(table.size() == kIds / 2);
        for (std::uint32_t i = 0; i < kIds; ++i) {
            const auto found = table.find(id_of(i));
            REQUIRE(found.has_value() == (i % 2 == 1));
            REQUIRE((!found || *found == indices[i]));
        }
        for (std::uint32_t i = 1; i < kIds; i += 2) {
            table.release(indices[i]);
        }
        REQUIRE(table.size() == 0);
    }
}

TEST_CASE("id table: its parts grow one after the other", "[id_table]") {
    // A part that grows adds its new slots to memory_bytes(), much less than a chunk of texts.
    IdTable table;
    constexpr std::uint32_t kIds = 400'000;
    constexpr std::uint32_t kWindow = 4000; // a hundredth
    std::vector<std::uint32_t> grown;       // how many ids there were when a part grew
    std::size_t bytes = table.memory_bytes();
    for (std::uint32_t i = 0; i < kIds; ++i) {
        table.intern("id-" + std::to_string(i));
        const std::size_t now = table.memory_bytes();
        if (i >= kIds / 4 && now > bytes && now - bytes < kChunkBytes / 2) {
            grown.push_back(i);
        }
        bytes = now;
    }
    REQUIRE(grown.size() >= 100); // each part doubled once or twice
    std::size_t most = 0;
    for (std::size_t first = 0; first < grown.size(); ++first) {
        const auto end = std::upper_bound(grown.begin(), grown.end(), grown[first] + kWindow);
        most = std::max<std::size_t>(most, static_cast<std::size_t>(end - grown.begin()) - first);
    }
    // Of 4,096. Those of one shard have equal shares, and grow within some thousand ids.
    CHECK(most <= 256);
}

} // namespace id_table_test

// Which messages a store has, which it has lost, and that it knows what it has lost.
#include "broker/history/memory_store.hpp"
#include "broker/history/position_clock.hpp"
#include "topology/wire/owned_ids.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace memory_store_test {

using namespace zcomet;
using namespace zcomet::broker::history;

namespace {

constexpr std::uint64_t kMs = std::uint64_t{1} << 20U;

struct Fixture {
    Rules rules{{{"a*", 3, 10s}, {"b*", 100, 60s}}};
    MemoryStore store{rules, 1U << 20U, 7};
    std::uint64_t position = 0;

    std::uint64_t keep(const std::string& id, const std::string& text, std::uint64_t ms = 0) {
        position = std::max(position + 256, ms * kMs);
        CHECK(store.keep(rules.find(id), {id, text}, position));
        return position;
    }
    std::vector<std::string> read(const std::vector<std::string>& ids, std::uint64_t after = 0) {
        std::string bytes;
        for (const std::string& id : ids) {
            bytes += static_cast<char>(id.size()) + id;
        }
        std::vector<std::string> texts;
        std::uint64_t last = after;
        store.read(wire::IdList(bytes, static_cast<std::uint32_t>(ids.size())), after,
                   [&](const wire::Message& message, std::uint64_t at) {
                       CHECK(at > last);
                       last = at;
                       texts.push_back(std::string(message.id) + std::string(message.payload));
                       return true;
                   });
        return texts;
    }
    std::uint64_t since(const std::string& id) { return store.complete_since(rules.find(id), id); }
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(Fixture, "messages are read in order, of several ids as well", "[memory_store]") {
    keep("a1", "x");
    const std::uint64_t second = keep("b1", "y");
    keep("a1", "z");
    CHECK(read({"a1"}) == Texts{"a1x", "a1z"});
    CHECK(read({"a1", "b1"}) == Texts{"a1x", "b1y", "a1z"});
    CHECK(read({"a1", "b1"}, second) == Texts{"a1z"});
    CHECK(read({"a2"}).empty());
    CHECK(store.messages() == 3);

    const wire::OwnedIds id("a1");
    const auto none = [](const wire::Message&, std::uint64_t) { return false; };
    CHECK(store.read(id.list(), 0, none) == 0);
    CHECK(store.read(id.list(), second, none) == 1); // passes over "x"
}

TEST_CASE_METHOD(Fixture, "the newest messages of an id are found", "[memory_store]") {
    const std::uint64_t first = keep("b1", "x");
    keep("b2", "other");
    const std::uint64_t second = keep("b1", "y");
    keep("b1", "z");
    CHECK(store.before_newest("b1", 1) == second);
    CHECK(store.before_newest("b1", 2) == first);
    CHECK(store.before_newest("b1", 3) == 0);
    CHECK(store.before_newest("b1", 4) == 0);
    CHECK(store.before_newest("b3", 1) == 0);
}

TEST_CASE("a question walks over few messages, however many an id has", "[memory_store]") {
    const Rules rules({{"c*", 10'000, 60s}});
    MemoryStore store(rules, 1U << 24U, 7);
    std::vector<std::uint64_t> positions;
    for (int i = 0; i < 15'000; ++i) {
        positions.push_back(positions.empty() ? 1 : positions.back() + 3);
        REQUIRE(store.keep(0, {"c1", "text"}, positions.back()));
    }
    const wire::OwnedIds id("c1");
    for (std::size_t i = 5'000; i + 1 < positions.size(); i += 7) {
        for (const std::uint64_t after : {positions[i], positions[i] + 1}) {
            std::uint64_t first = 0;
            const std::uint64_t passed =
                store.read(id.list(), after, [&](const wire::Message&, std::uint64_t position) {
                    first = position;
                    return false;
                });
            REQUIRE(passed <= 32);
            REQUIRE(first == positions[i + 1]);
        }
        const auto newer = static_cast<std::uint32_t>(positions.size() - 1 - i);
        REQUIRE(store.before_newest("c1", newer) == positions[i]);
    }
}

TEST_CASE_METHOD(Fixture, "a message comes back whole", "[memory_store]") {
    const std::string attributes = "\x01\x01"
                                   "e";
    CHECK(store.keep(0, {"a1", "text", {8, 9}, attributes}, 5));
    CHECK(store.keep(0, {"a1", ""}, 6));
    std::vector<wire::Message> messages;
    store.read(wire::IdList("\x02"
                            "a1",
                            1),
               0, [&](const wire::Message& message, std::uint64_t /*position*/) {
                   messages.push_back(message);
                   return true;
               });
    REQUIRE(messages.size() == 2);
    CHECK(messages[0].payload == "text");
    CHECK(messages[0].attributes == attributes);
    CHECK(messages[0].origin == wire::Origin{8, 9});
    CHECK(messages[1].payload.empty());
    CHECK(messages[1].origin == wire::Origin{});
}

TEST_CASE_METHOD(Fixture, "only the newest of an id are kept", "[memory_store]") {
    std::array<std::uint64_t, 5> positions{};
    for (std::size_t i = 0; i < positions.size(); ++i) {
        positions[i] = keep("a1", std::to_string(i));
    }
    CHECK(read({"a1"}) == Texts{"a12", "a13", "a14"});
    CHECK(since("a1") == positions[1]);
    CHECK(since("a2") == 0);
    CHECK(store.evicted() == 0); // as the operator wants it
}

TEST_CASE_METHOD(Fixture, "messages go when they are too old, each rule's at its time",
                 "[memory_store]") {
    keep("b1", "x", 1000);
    const std::uint64_t last = keep("a1", "y", 1000);
    keep("b1", "z", 50'000);
    CHECK_FALSE(store.expire(10'999, 100));
    CHECK(store.messages() == 3);
    CHECK_FALSE(store.expire(13'000, 100));
    CHECK(read({"a1"}).empty());
    CHECK(since("a1") == last);
    CHECK(since("a2") == last); // nothing is known of ids without messages
    CHECK(since("b2") == 0);
    CHECK(read({"b1"}) == Texts{"b1x", "b1z"});
    store.expire(63'000, 100);
    CHECK(read({"b1"}) == Texts{"b1z"});
}

TEST_CASE_METHOD(Fixture, "only so many go in a turn", "[memory_store]") {
    for (int i = 0; i < 10; ++i) {
        keep("a" + std::to_string(i), "x");
    }
    CHECK(store.expire(1'000'000, 4));
    CHECK(store.messages() == 6);
    CHECK(store.expire(1'000'000, 4));
    store.expire(1'000'000, 4);
    CHECK(store.messages() == 0);
    CHECK(store.bytes() == 0);
}

TEST_CASE_METHOD(Fixture, "at the bound the oldest go, of whatever id", "[memory_store]") {
    store.set_bytes_max(20'000);
    const std::string text(1000, 'x');
    for (std::uint64_t i = 0; i < 100; ++i) {
        keep("b" + std::to_string(i % 7), text, 2000 * i);
        CHECK(store.bytes() <= 20'000);
    }
    CHECK(store.evicted() > 70);
    CHECK_FALSE(read({"b1"}).empty()); // the newest of each are there
    CHECK(since("b1") > 0);
    CHECK_FALSE(store.keep(1, {"b1", std::string(20'000, 'x')}, position + 1));
}

TEST_CASE("property: the store is as a simple one, and vouches for no more", "[memory_store]") {
    const auto seed = GENERATE(range(1U, 20U));
    std::minstd_rand random(seed);
    Fixture f;
    f.store.set_bytes_max(3000);
    struct Sent {
        std::uint64_t position;
        std::string text;
    };
    std::map<std::string, std::vector<Sent>> all;
    std::uint64_t ms = 1000;
    for (int step = 0; step < 2000; ++step) {
        ms += random() % 300;
        const std::string id = (random() % 2 == 0 ? "a" : "b") + std::to_string(random() % 5);
        const std::string text = std::to_string(step);
        all[id].push_back({f.keep(id, text, ms), text});
        if (random() % 10 == 0) {
            f.store.expire(ms, 1 + random() % 3);
        }
        for (const auto& [name, sent] : all) {
            const std::uint64_t since = f.since(name);
            Texts expected;
            for (const Sent& one : sent) {
                if (one.position > since) {
                    expected.push_back(name + one.text);
                }
            }
            REQUIRE(f.read({name}, since) == expected);
            if (!expected.empty()) {
                const std::size_t half = expected.size() / 2; // are newer than the one before them
                const std::uint64_t middle = sent[sent.size() - 1 - half].position;
                const Texts newest(expected.end() - static_cast<std::ptrdiff_t>(half),
                                   expected.end());
                REQUIRE(f.read({name}, middle) == newest);
                REQUIRE(f.store.before_newest(name, static_cast<std::uint32_t>(half)) == middle);
            }
            REQUIRE(f.read({name}) == expected); // and nothing older
        }
    }
}

TEST_CASE("positions rise, whatever the clock does", "[position_clock]") {
    const Time start = Time{} + 1h;
    PositionClock clock(1'700'000'000'000, start, 3);
    CHECK(clock.last() == 0);
    std::uint64_t last = 0;
    for (int i = 0; i < 10'000; ++i) { // more than a millisecond has room for
        const std::uint64_t next = clock.next(start);
        REQUIRE(next > last);
        REQUIRE((next & 0xFF) == 3);
        last = next;
    }
    CHECK(clock.next(start - 1s) > last);
    CHECK(clock.last() > last);
    CHECK(clock.next(start + 1h) >> 20U == 1'700'000'000'000 + 3'600'000);
    CHECK(clock.ms_at(start) == 1'700'000'000'000);
}

} // namespace memory_store_test

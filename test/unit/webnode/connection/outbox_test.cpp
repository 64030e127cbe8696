// Goal: bytes leave an Outbox in the order they came; only the oldest messages that have not begun
// are dropped, whole.
#include "webnode/connection/outbox.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <random>
#include <string>

namespace zcomet::webnode::connection::outbox_test {
namespace {

TEST_CASE("an outbox gives back its bytes", "[outbox]") {
    Outbox outbox;
    CHECK(outbox.empty());
    outbox.append("hello ");
    outbox.append("world");
    CHECK(outbox.front() == "hello world");
    outbox.consume(3);
    CHECK(outbox.front() == "lo world");
    outbox.consume(8);
    CHECK(outbox.empty());
}

TEST_CASE("an outbox counts the messages that the socket has whole", "[outbox]") {
    Outbox outbox;
    outbox.append("head");
    outbox.append_message("one");
    outbox.append_message("two");
    CHECK(outbox.messages() == 2);
    CHECK(outbox.consume(6) == 0);
    CHECK(outbox.consume(1) == 1);
    CHECK(outbox.consume(2) == 0);
    CHECK(outbox.messages() == 1);
    CHECK(outbox.consume(1) == 1);
    CHECK(outbox.empty());
}

TEST_CASE("the oldest messages are dropped, whole, but never one that has begun", "[outbox]") {
    Outbox outbox;
    outbox.append_rest_of_message("gun");
    outbox.append_message("one");
    outbox.append_message("two");
    outbox.append_message("three");
    CHECK(outbox.drop_oldest(14) == 0);
    CHECK(outbox.drop_oldest(13) == 1);
    CHECK(outbox.front() == "guntwothree");
    CHECK(outbox.drop_oldest(0) == 2);
    CHECK(outbox.front() == "gun");
    CHECK(outbox.messages() == 1);
    CHECK(outbox.drop_oldest(0) == 0);
    outbox.append_message("four");
    CHECK(outbox.consume(3) == 1);
    CHECK(outbox.drop_oldest(0) == 1);
    CHECK(outbox.empty());
    CHECK(outbox.messages() == 0);
}

TEST_CASE("bytes that are not a message are never dropped", "[outbox]") {
    Outbox outbox;
    outbox.append("head ");
    outbox.append_message("one ");
    outbox.append_message("two ");
    outbox.append("end");
    outbox.append_message("!");
    CHECK(outbox.drop_oldest(0) == 2);
    CHECK(outbox.front() == "head end!");
}

/// A plain list of parts.
struct Model {
    struct Part {
        std::string bytes;
        bool is_message = false;
        bool has_begun = false;
    };
    std::deque<Part> parts;

    std::string text() const {
        std::string all;
        for (const Part& part : parts) {
            all += part.bytes;
        }
        return all;
    }
    std::size_t messages() const {
        return static_cast<std::size_t>(std::count_if(
            parts.begin(), parts.end(), [](const Part& part) { return part.is_message; }));
    }
    std::size_t consume(std::size_t count) {
        std::size_t whole = 0;
        while (count > 0) {
            Part& part = parts.front();
            const std::size_t taken = std::min(count, part.bytes.size());
            part.bytes.erase(0, taken);
            part.has_begun = true;
            count -= taken;
            if (part.bytes.empty()) {
                whole += part.is_message ? 1 : 0;
                parts.pop_front();
            }
        }
        return whole;
    }
    std::size_t drop_oldest(std::size_t bytes_max) {
        std::size_t dropped = 0;
        auto oldest = std::find_if(parts.begin(), parts.end(), [](const Part& part) {
            return part.is_message && !part.has_begun;
        });
        while (oldest != parts.end() && oldest->is_message && text().size() > bytes_max) {
            oldest = parts.erase(oldest);
            ++dropped;
        }
        return dropped;
    }
};

TEST_CASE("property: an outbox behaves as a list of parts", "[outbox]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    Outbox outbox;
    Model model;
    for (int step = 0; step < 20'000; ++step) {
        CAPTURE(step);
        const std::string bytes(1 + random() % 60, static_cast<char>('a' + step % 26));
        switch (random() % 8) {
        case 0:
            outbox.append(bytes);
            model.parts.push_back({bytes, false, false});
            break;
        case 1:
            if (outbox.empty()) {
                outbox.append_rest_of_message(bytes);
                model.parts.push_back({bytes, true, true});
            }
            break;
        case 2: {
            const std::size_t bytes_max = random() % 500;
            REQUIRE(outbox.drop_oldest(bytes_max) == model.drop_oldest(bytes_max));
            break;
        }
        case 3: {
            const std::size_t count = random() % (outbox.size() + 1);
            REQUIRE(outbox.consume(count) == model.consume(count));
            break;
        }
        default:
            outbox.append_message(bytes);
            model.parts.push_back({bytes, true, false});
        }
        REQUIRE(outbox.front() == model.text());
        REQUIRE(outbox.size() == model.text().size());
        REQUIRE(outbox.messages() == model.messages());
    }
}

} // namespace
} // namespace zcomet::webnode::connection::outbox_test

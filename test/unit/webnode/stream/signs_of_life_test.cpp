// Which streams get a sign of life, and when.
#include "test/unit/webnode/request/loop_fixture.hpp"
#include "webnode/stream/signs_of_life.hpp"

#include <algorithm>

namespace signs_of_life_test {

using namespace zcomet;
using namespace zcomet::webnode;
using zcomet::webnode::request::Browser;
using zcomet::webnode::request::LoopFixture;
using zcomet::webnode::stream::SignsOfLife;

namespace {

constexpr std::chrono::seconds kEach = 20s;
const std::string kSign = "1\r\n\n\r\n";

struct Fixture {
    LoopFixture loop;
    SignsOfLife signs{loop.connections, loop.counters, kEach, loop.now};

    /// Lets time pass in the worker's way: it sleeps until something is due.
    void pass(Duration time) {
        const Time end = loop.now + time;
        while (signs.due() <= end) {
            loop.now = std::max(loop.now, signs.due());
            signs.turn(loop.now);
        }
        loop.now = end;
    }
    [[nodiscard]] std::uint64_t given() const {
        return loop.count(slot::WorkerCounter::kSignsOfLife);
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a quiet stream gets a sign in each such time", "[signs_of_life]") {
    const Browser browser = loop.open_stream("7");
    pass(kEach + 1s);
    CHECK(browser.received() == kSign);
    pass(kEach);
    CHECK(browser.received() == kSign);
    CHECK(given() == 2);
    CHECK(loop.count(slot::WorkerCounter::kChunksGiven) == 0); // it is no message
}

TEST_CASE_METHOD(Fixture, "a stream that gets messages gets no sign", "[signs_of_life]") {
    const Browser browser = loop.open_stream("7");
    for (int i = 0; i < 20; ++i) {
        pass(kEach / 2 - 1s);
        loop.deliver({{"7", "a"}});
    }
    CHECK(given() == 0);
    static_cast<void>(browser.received());
    pass(kEach + 1s);
    CHECK(browser.received() == kSign);
}

TEST_CASE_METHOD(Fixture, "a stream is never quiet for longer", "[signs_of_life]") {
    const Browser browser = loop.open_stream("7");
    for (int i = 1; i < 40; ++i) {
        static_cast<void>(browser.received());
        loop.deliver({{"7", "a"}});
        static_cast<void>(browser.received());
        pass(kEach + 100ms);
        CHECK(browser.received() == kSign);
        pass(i * 317ms); // at another point of the round
    }
}

TEST_CASE_METHOD(Fixture, "what a stream has not read yet is sign enough", "[signs_of_life]") {
    const Browser browser = loop.open_stream("7");
    const std::string much(LoopFixture::kOutboxBytesMax / 2, 'x');
    while (loop.connections.pending_bytes() == 0) {
        loop.deliver({{"7", much}});
    }
    pass(3 * kEach);
    CHECK(given() == 0);
}

TEST_CASE_METHOD(Fixture, "a connection that is no stream gets none", "[signs_of_life]") {
    const Browser browser = loop.connect("GET /");
    pass(3 * kEach);
    CHECK(browser.received().empty());
    CHECK(given() == 0);
}

TEST_CASE_METHOD(Fixture, "signs of very many go out at an even pace", "[signs_of_life]") {
    constexpr std::uint64_t kStreams = 500;
    std::vector<Browser> browsers;
    browsers.reserve(kStreams);
    for (std::uint64_t i = 0; i < kStreams; ++i) {
        browsers.push_back(loop.open_stream(std::to_string(i)));
    }
    const auto most_in_a_second = [&] {
        const std::uint64_t before = given();
        std::uint64_t most = 0;
        const Time end = loop.now + kEach;
        while (loop.now < end) {
            const std::uint64_t before_it = given();
            pass(1s);
            most = std::max(most, given() - before_it);
        }
        CHECK(given() - before >= kStreams);
        return most;
    };
    constexpr std::uint64_t kShare = kStreams / (kEach / 1s);
    // The first ones come within half of the time, since all streams were opened at once.
    pass(kEach / 2);
    CHECK(most_in_a_second() <= 2 * kShare + 1);
    CHECK(most_in_a_second() <= kShare + 1);
    CHECK(most_in_a_second() <= kShare + 1);
}

TEST_CASE("without a time there are no signs", "[signs_of_life]") {
    LoopFixture loop;
    SignsOfLife signs(loop.connections, loop.counters, 0s, loop.now);
    const Browser browser = loop.open_stream("7");
    CHECK(signs.due() == kNever);
    signs.turn(loop.now + 1h);
    CHECK(browser.received().empty());
}

} // namespace signs_of_life_test

// A loop's turns: which sources have one, in which order, and which of their descriptors it
// watches.
#include "topology/base/unique_fd.hpp"
#include "topology/loop/loop.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace loop_test {

using namespace zcomet;
using namespace zcomet::loop;

namespace {

UniqueFd event_fd(unsigned value = 0) {
    UniqueFd fd(::eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK));
    REQUIRE(fd.valid());
    return fd;
}

/// Writes its name into a diary at each turn, and does what the test says.
class TestSource : public Source {
  public:
    explicit TestSource(std::string name, std::vector<std::string>& diary)
        : name_(std::move(name)), diary_(diary) {}

    std::span<const int> fds() const override { return watched; }
    std::uint32_t fds_version() const override { return version; }
    void on_ready(std::size_t index) override { ready.push_back(index); }
    bool turn(Time now) override {
        diary_.push_back(name_);
        due_at = due_at <= now ? kNever : due_at;
        return on_turn && on_turn();
    }
    Time due() const override { return due_at; }

    std::vector<int> watched;
    std::uint32_t version = 0;
    Time due_at = kNever;
    std::vector<std::size_t> ready; // indexes, as they were reported
    std::function<bool()> on_turn;

  private:
    std::string name_;
    std::vector<std::string>& diary_;
};

using Diary = std::vector<std::string>;

constexpr Time kNoSleep = Time::min();

} // namespace

TEST_CASE("sources have their turns by their order, then as they were added") {
    Diary diary;
    Loop loop;
    TestSource accepts("accepts", diary);
    TestSource broker("broker", diary);
    TestSource more("more of the broker", diary);
    TestSource connections("connections", diary);
    loop.add(accepts, Order::kAccepts);
    loop.add(broker, Order::kBroker);
    loop.add(more, Order::kBroker);
    loop.add(connections, Order::kConnections);
    loop.turn(kNoSleep);
    CHECK(diary == Diary{"connections", "broker", "more of the broker", "accepts"});
}

TEST_CASE("a source with a descriptor that cannot be watched is not in the loop") {
    Diary diary;
    Loop loop;
    const UniqueFd good = event_fd(1);
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)); // not for epoll(7)
    {
        TestSource bad("bad", diary);
        bad.watched = {good.get(), file.get()};
        CHECK_THROWS_AS(loop.add(bad, Order::kBroker), std::system_error);
    }
    TestSource source("source", diary);
    source.watched = {good.get()};
    loop.add(source, Order::kBroker);
    loop.turn(kNoSleep);
    CHECK(diary == Diary{"source"});
    CHECK(source.ready == std::vector<std::size_t>{0});
}

TEST_CASE("events of descriptors without a source come before all sources") {
    Diary diary;
    Loop loop;
    TestSource source("source", diary);
    source.watched = {};
    loop.add(source, Order::kConnections);
    const UniqueFd connection = event_fd(1);
    REQUIRE(loop.epoll().add(connection.get(), EPOLLIN, Loop::kFirstTag + 5));
    const Time before = Clock::now();
    Time told;
    const Time now = loop.turn(kNever, [&](const epoll_event& event, Time at) {
        const std::uint64_t tag = event.data.u64; // copies: the struct is packed
        const std::uint32_t events = event.events;
        CHECK(tag == Loop::kFirstTag + 5);
        CHECK(events == EPOLLIN);
        diary.emplace_back("event");
        told = at;
    });
    CHECK(diary == Diary{"event", "source"});
    CHECK(told == now);
    CHECK(now >= before);
}

TEST_CASE("a source has a turn at first, when a descriptor is ready, and when it is due") {
    Diary diary;
    Loop loop;
    const UniqueFd fd = event_fd();
    TestSource source("turn", diary);
    source.watched = {-1, fd.get()};
    loop.add(source, Order::kBroker);
    loop.turn(kNever);
    CHECK(diary.size() == 1);
    CHECK(source.ready.empty());

    loop.turn(kNoSleep);
    CHECK(diary.size() == 1);

    ::eventfd_write(fd.get(), 1);
    loop.turn(kNever);
    CHECK(diary.size() == 2);
    CHECK(source.ready == std::vector<std::size_t>{1});

    eventfd_t value = 0;
    ::eventfd_read(fd.get(), &value);
    source.due_at = kAtOnce;
    loop.turn(kNever);
    CHECK(diary.size() == 3);

    source.due_at = Clock::now() + 2ms;
    const Time due = source.due_at;
    CHECK(loop.turn(kNever) >= due);
    CHECK(diary.size() == 4);
}

TEST_CASE("a source with more work left, or woken, has another turn without a sleep") {
    Diary diary;
    Loop loop;
    TestSource source("turn", diary);
    loop.add(source, Order::kBroker);
    source.on_turn = [&] { return diary.size() < 3; };
    loop.turn(kNever);
    loop.turn(kNever);
    loop.turn(kNever);
    loop.turn(kNoSleep);
    CHECK(diary.size() == 3);

    loop.wake(source);
    loop.turn(kNever);
    CHECK(diary.size() == 4);

    loop.wake(source);
    source.on_turn = [&] {
        if (diary.size() == 5) {
            loop.wake(source); // in its own turn
        }
        return false;
    };
    loop.turn(kNever);
    loop.turn(kNever);
    loop.turn(kNoSleep);
    CHECK(diary.size() == 6);
}

TEST_CASE("an earlier source can give a later one work within the same turn") {
    Diary diary;
    Loop loop;
    TestSource broker("broker", diary);
    TestSource accepts("accepts", diary);
    loop.add(broker, Order::kBroker);
    loop.add(accepts, Order::kAccepts);
    loop.turn(kNoSleep);
    diary.clear();
    broker.on_turn = [&] {
        accepts.due_at = kAtOnce;
        return false;
    };
    loop.wake(broker);
    loop.turn(kNever);
    CHECK(diary == Diary{"broker", "accepts"});
}

TEST_CASE("a source watches descriptors of its own under the tag that it was given") {
    Diary diary;
    Loop loop;
    TestSource other("other", diary);
    TestSource source("source", diary);
    loop.add(other, Order::kBroker);
    const std::uint64_t tag = loop.add(source, Order::kBroker);
    loop.turn(kNoSleep);
    diary.clear();
    const UniqueFd fd = event_fd(1);
    REQUIRE(loop.epoll().add(fd.get(), EPOLLIN, tag));
    loop.turn(kNever);
    CHECK(diary == Diary{"source"});
    CHECK(source.ready.empty());
}

TEST_CASE("a source's descriptors may change, and a number may come again for another one") {
    Diary diary;
    Loop loop;
    UniqueFd first = event_fd();
    const UniqueFd second = event_fd();
    TestSource source("turn", diary);
    source.watched = {first.get(), second.get()};
    loop.add(source, Order::kBroker);
    loop.turn(kNoSleep);
    diary.clear();

    SECTION("a removed descriptor does no harm, the others stay") {
        source.watched[0] = -1;
        ++source.version;
        first.reset();
        ::eventfd_write(second.get(), 1);
        loop.turn(kNever);
        CHECK(source.ready == std::vector<std::size_t>{1});
    }
    SECTION("a descriptor that stays open, but is no longer named, is not watched any more") {
        source.watched = {-1, second.get()};
        ++source.version;
        ::eventfd_write(first.get(), 1);
        loop.turn(kNoSleep);
        CHECK(diary.empty());
    }
    SECTION("another descriptor with the same number is watched") {
        const int number = first.get();
        first.reset();
        first = event_fd();
        REQUIRE(first.get() == number);
        ++source.version;
        ::eventfd_write(first.get(), 1);
        loop.turn(kNever);
        CHECK(source.ready == std::vector<std::size_t>{0});
    }
    SECTION("a descriptor may take another's place") {
        source.watched = {second.get(), first.get()};
        ++source.version;
        ::eventfd_write(second.get(), 1);
        loop.turn(kNever);
        CHECK(source.ready == std::vector<std::size_t>{0});
    }
    SECTION("a new descriptor comes during a turn") {
        const UniqueFd third = event_fd(1);
        source.on_turn = [&] {
            source.watched = {third.get()};
            ++source.version;
            source.on_turn = nullptr;
            return false;
        };
        loop.wake(source);
        loop.turn(kNever);
        loop.turn(kNever);
        CHECK(diary.size() == 2);
        CHECK(source.ready == std::vector<std::size_t>{0});
    }
    SECTION("a closed descriptor that another process still has open is not reported") {
        // A descriptor with a duplicate elsewhere stays in the set.
        const UniqueFd elsewhere(::fcntl(first.get(), F_DUPFD_CLOEXEC, 0));
        source.watched = {-1, second.get()};
        ++source.version;
        loop.turn(kNoSleep);
        first.reset();
        ::eventfd_write(elsewhere.get(), 1);
        loop.turn(kNoSleep);
        CHECK(diary.empty());
    }
}

TEST_CASE("a removed source has no turn, and another source gets its place") {
    Diary diary;
    Loop loop;
    const UniqueFd fd = event_fd(1);
    TestSource first("first", diary);
    TestSource second("second", diary);
    TestSource third("third", diary);
    first.watched = {fd.get()};
    loop.add(first, Order::kBroker);
    loop.add(second, Order::kBroker);
    loop.remove(first);
    loop.add(third, Order::kBroker);
    loop.turn(kNever);
    CHECK(diary == Diary{"second", "third"});
    CHECK(third.ready.empty());
}

TEST_CASE("a source removed by an event of a connection has no more turns") {
    Diary diary;
    Loop loop;
    const UniqueFd connection = event_fd(1);
    const UniqueFd fd = event_fd(1);
    TestSource source("source", diary);
    source.watched = {fd.get()};
    REQUIRE(loop.epoll().add(connection.get(), EPOLLIN, Loop::kFirstTag));
    loop.add(source, Order::kBroker);
    loop.turn(kNever, [&](const epoll_event&, Time) { loop.remove(source); });
    CHECK(diary.empty());
}

TEST_CASE("a loop runs until its descriptor is readable, and no source has a turn then") {
    Diary diary;
    Loop loop;
    const UniqueFd stop = event_fd();
    const UniqueFd fd = event_fd(1);
    TestSource source("turn", diary);
    source.watched = {fd.get()};
    source.on_turn = [&] {
        if (diary.size() == 3) {
            ::eventfd_write(stop.get(), 1);
        }
        return false;
    };
    loop.add(source, Order::kBroker);
    loop.run(stop.get());
    CHECK(loop.stopped() == false); // it may run again
    CHECK(diary.size() == 3);

    ::eventfd_t value = 0;
    ::eventfd_read(stop.get(), &value);
    diary.clear();
    loop.run(stop.get());
    CHECK(diary.size() == 3);
}

TEST_CASE("a loop runs until a condition holds, or a time has come, or it is stopped") {
    Diary diary;
    Loop loop;
    TestSource source("turn", diary);
    source.on_turn = [] { return true; };
    loop.add(source, Order::kBroker);
    CHECK(loop.run_until([&] { return diary.size() == 4; }, kNever));
    CHECK(diary.size() == 4);
    CHECK(loop.run_until([] { return true; }, Time::min())); // the condition is looked at first
    CHECK_FALSE(loop.run_until([] { return false; }, Time::min()));
    CHECK(diary.size() == 4);

    source.on_turn = nullptr;
    const Time deadline = Clock::now() + 2ms;
    CHECK_FALSE(loop.run_until([] { return false; }, deadline));
    CHECK(Clock::now() >= deadline);

    const UniqueFd stop = event_fd(1);
    loop.stop_at(stop.get());
    CHECK_FALSE(loop.run_until([] { return false; }, kNever));
    CHECK(loop.stopped());
}

TEST_CASE("an exception from a source leaves the loop unchanged") {
    Diary diary;
    Loop loop;
    TestSource source("turn", diary);
    source.on_turn = []() -> bool { throw std::runtime_error("no"); };
    loop.add(source, Order::kBroker);
    CHECK_THROWS_AS(loop.turn(kNever), std::runtime_error);
    loop.remove(source);
    loop.turn(kNoSleep);
    CHECK(diary.size() == 1);
}

} // namespace loop_test

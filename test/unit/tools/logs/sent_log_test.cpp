// Goal: a line for each message, in order, as soon as its fate is known.
#include "tools/logs/sent_log.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace sent_log_test {

using namespace zcomet;
using namespace zcomet::tools;
using namespace zcomet::tools::logs;

namespace {

struct Fixture {
    explicit Fixture(SentLog::Answers answers = SentLog::Answers::kInOrder)
        : log("me", answers, [this](const SentLine& line) { write(line); }) {}
    void send(std::uint64_t number) { log.on_sent(number, "id", 5, 1); }
    void write(const SentLine& line) {
        CHECK(line.sender == "me");
        lines.push_back(std::to_string(line.number) + " " + std::string(line.id) + " " +
                        std::string(name_of(line.fate)) + " " + std::to_string(line.nodes));
    }
    std::vector<std::string> lines;
    SentLog log;
};

} // namespace

TEST_CASE("receipts say what happened to messages", "[sent_log]") {
    Fixture fixture;
    for (const std::uint64_t number : {1U, 2U, 3U}) {
        fixture.send(number);
    }
    CHECK(fixture.lines.empty());
    fixture.log.on_answer(1, 2);
    fixture.log.on_answer(2, 0);
    CHECK(fixture.lines == std::vector<std::string>{"1 id held 2", "2 id void 0"});
    fixture.log.on_answer(3, 1);
    CHECK(fixture.lines.size() == 3);
    fixture.log.finish();
    CHECK(fixture.lines.size() == 3);
}

TEST_CASE("a message that a later receipt skips is unconfirmed", "[sent_log]") {
    Fixture fixture;
    for (const std::uint64_t number : {1U, 2U, 3U, 4U}) {
        fixture.send(number);
    }
    fixture.log.on_answer(3, 1);
    CHECK(fixture.lines ==
          std::vector<std::string>{"1 id unconfirmed 0", "2 id unconfirmed 0", "3 id held 1"});
    fixture.log.on_answer(2, 1); // too late to count: its line is written
    fixture.log.on_answer(9, 1); // not one of our messages
    CHECK(fixture.lines.size() == 3);
    fixture.log.finish();
    CHECK(fixture.lines.back() == "4 id unconfirmed 0");
}

TEST_CASE("at the end all other messages are unconfirmed", "[sent_log]") {
    Fixture fixture;
    fixture.send(1);
    fixture.log.finish();
    CHECK(fixture.lines == std::vector<std::string>{"1 id unconfirmed 0"});
}

TEST_CASE("acknowledgements come in any order, the lines do not", "[sent_log]") {
    Fixture fixture(SentLog::Answers::kAnyOrder);
    for (const std::uint64_t number : {5U, 6U, 7U, 8U}) {
        fixture.send(number);
    }
    fixture.log.on_answer(7, 1);
    fixture.log.on_answer(6, 0);
    CHECK(fixture.lines.empty());
    fixture.log.on_answer(5, 2);
    CHECK(fixture.lines == std::vector<std::string>{"5 id held 2", "6 id void 0", "7 id held 1"});
    fixture.log.finish();
    CHECK(fixture.lines.back() == "8 id unconfirmed 0");
}

} // namespace sent_log_test

// What became of the messages of each of a node's brokers.
#include "topology/session/ledger_book.hpp"

#include <catch2/catch.hpp>

namespace ledger_book_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

struct FakeProgram : NodeEvents {
    void deliver(const wire::MessageList&) override {}
    void for_each_login(const std::function<void(std::string_view)>&) const override {}
    std::uint64_t stream_count() const override { return 0; }
    wire::NodeLedger ledger() const override { return counted; }
    void on_refused(wire::ErrorCode, std::string_view) override {}
    void on_no_feed(std::string_view) override {}

    wire::NodeLedger counted;
};

} // namespace

TEST_CASE("all that is counted is about the only broker", "[ledger_book]") {
    FakeProgram program;
    LedgerBook book(program, 1);
    book.on_delivered(0, 3);
    program.counted = {.unclaimed = 1, .shown = 7, .chunks_given = 9};
    CHECK(book.of(0) == program.counted);
}

TEST_CASE("messages of several brokers have their fates in the order in which they came",
          "[ledger_book]") {
    FakeProgram program;
    LedgerBook book(program, 2);
    book.on_delivered(0, 3);
    book.on_delivered(1, 4);
    book.on_delivered(1, 1);
    book.on_delivered(0, 2);
    program.counted.shown = 4; // six wait for their streams
    CHECK(book.of(0).shown == 3);
    CHECK(book.of(1).shown == 1);
    program.counted.shown = 9;
    program.counted.unclaimed = 1;
    const std::uint64_t of_first = book.of(0).shown + book.of(0).unclaimed;
    const std::uint64_t of_other = book.of(1).shown + book.of(1).unclaimed;
    CHECK(of_first == 5);
    CHECK(of_other == 5);
}

TEST_CASE("what cannot be noted counts for the broker that came last", "[ledger_book]") {
    FakeProgram program;
    LedgerBook book(program, 2);
    for (std::size_t n = 0; n < LedgerBook::kWaitingMax; ++n) {
        book.on_delivered(n % 2, 1);
    }
    book.on_delivered(0, 5);
    program.counted.shown = LedgerBook::kWaitingMax + 5;
    const std::uint64_t of_first = book.of(0).shown;
    CHECK(of_first == LedgerBook::kWaitingMax / 2);
    CHECK(book.of(1).shown == LedgerBook::kWaitingMax / 2 + 5);
}

TEST_CASE("the first broker is told of all chunks", "[ledger_book]") {
    FakeProgram program;
    LedgerBook book(program, 2);
    program.counted = {.chunks_given = 5, .chunks_written = 4, .chunks_waiting = 1, .places = 9};
    CHECK(book.of(1).chunks_given == 0);
    CHECK(book.of(1).places == 9);
    CHECK(book.of(0).chunks_given == 5);
    CHECK(book.of(0).chunks_waiting == 1);
}

TEST_CASE("what a single broker has sent keeps its account when another one comes",
          "[ledger_book]") {
    FakeProgram program;
    program.counted.shown = 100; // by an earlier process with the same counters
    LedgerBook book(program, 1);
    book.on_delivered(0, 5);
    program.counted.shown = 102; // three wait
    book.use(2);
    book.on_delivered(1, 4);
    program.counted.shown = 106;
    CHECK(book.of(0).shown == 105);
    CHECK(book.of(1).shown == 1);
}

} // namespace ledger_book_test

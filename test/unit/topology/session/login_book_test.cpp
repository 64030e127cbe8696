// The ids that each of a node's brokers should know.
#include "topology/session/login_book.hpp"
#include "topology/wire/id_digest.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace login_book_test {

using namespace zcomet;
using namespace zcomet::session;

namespace {

struct FakeProgram : NodeEvents {
    void deliver(const wire::MessageList&) override {}
    void for_each_login(const std::function<void(std::string_view)>& visit) const override {
        for (const std::string& id : ids) {
            visit(id);
        }
    }
    std::uint64_t stream_count() const override { return ids.size(); }
    wire::NodeLedger ledger() const override { return {}; }
    void on_refused(wire::ErrorCode, std::string_view) override {}
    void on_no_feed(std::string_view) override {}

    std::vector<std::string> ids;
};

/// Every broker knows every id.
cluster::Placement placed(std::uint32_t brokers) {
    std::vector<cluster::PlacedBroker> all;
    for (std::uint32_t n = 0; n < brokers; ++n) {
        all.push_back({std::to_string(n)});
    }
    return {all, brokers};
}

} // namespace

TEST_CASE("each broker's digest covers the ids that it should know", "[login_book]") {
    const FakeProgram program;
    LoginBook book(program, placed(2));
    book.add(0, "a");
    book.add(0, "b");
    book.add(1, "a");
    book.remove(0, "b");
    CHECK(book.digest(0) == wire::id_digest("a"));
    CHECK(book.digest(1) == wire::id_digest("a"));
    book.remove(1, "a");
    CHECK(book.digest(0) == wire::id_digest("a"));
    CHECK(book.digest(1) == 0);
}

TEST_CASE("going through the ids computes their digest anew", "[login_book]") {
    FakeProgram program;
    LoginBook book(program, placed(1));
    program.ids = {"a", "b"};
    book.add(0, "something else");
    std::vector<std::string> visited;
    book.for_each(0, [&](std::string_view id) { visited.emplace_back(id); });
    CHECK(visited == program.ids);
    CHECK(book.digest(0) == wire::id_digest("a") + wire::id_digest("b"));
}

TEST_CASE("another placement moves the ids that it places elsewhere", "[login_book]") {
    FakeProgram program;
    program.ids = {"a", "b"};
    LoginBook book(program, placed(1));
    book.add(0, "a");
    book.add(0, "b");
    std::vector<std::string> moves;
    const auto move = [&](std::size_t broker, std::string_view id, bool gains) {
        moves.push_back(std::string(gains ? "+" : "-") + std::to_string(broker) + std::string(id));
        gains ? book.add(broker, id) : book.remove(broker, id);
    };
    book.use(placed(2), move);
    CHECK(moves == std::vector<std::string>{"+1a", "+1b"});
    CHECK(book.digest(1) == book.digest(0));
    moves.clear();
    book.use(cluster::Placement({{"0", 0}, {"1", 1}}, 1), move);
    CHECK(moves == std::vector<std::string>{"-0a", "-0b"});
    CHECK(book.digest(0) == 0);
}

} // namespace login_book_test

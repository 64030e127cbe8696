// Acknowledgements: which frames are answered, when, and with what; by cases, and against a model.
#include "broker/table/acknowledgements.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace acknowledgements_test {

using namespace zcomet;
using namespace zcomet::broker::table;

namespace {

constexpr std::uint64_t kSender = 7;
using Counts = std::vector<std::uint32_t>;

/// The frames that were answered since the last look, by first number.
struct Fixture {
    Acknowledgements acknowledgements;
    AwaitedCopies node;
    AwaitedCopies other;
    std::map<std::uint64_t, Counts> done;

    auto on_done() {
        return [this](const AwaitedSend& send) {
            CHECK(send.sender == kSender);
            CHECK(done.emplace(send.first, send.nodes).second);
        };
    }
    void shed(std::uint64_t after, std::uint64_t through, const std::set<std::uint64_t>& batches) {
        acknowledgements.shed(
            node, after, through, [&](std::uint64_t batch) { return batches.contains(batch); },
            on_done());
    }
    /// One message of a frame of its own, in that batch of `node`.
    AwaitedSendIndex expect(std::uint64_t first, std::uint64_t batch) {
        const AwaitedSendIndex send = acknowledgements.begin(kSender, first, 1, 0);
        acknowledgements.expect(node, batch, send, 0);
        acknowledgements.routed(send, on_done());
        return send;
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a frame without receivers is answered when it is routed",
                 "[acknowledgements]") {
    const AwaitedSendIndex send = acknowledgements.begin(kSender, 5, 3, 0);
    CHECK(done.empty());
    acknowledgements.routed(send, on_done());
    CHECK(done.at(5) == Counts{0, 0, 0});
    CHECK(acknowledgements.size() == 0);
}

TEST_CASE_METHOD(Fixture, "a frame is answered when the fate of each copy is known",
                 "[acknowledgements]") {
    const AwaitedSendIndex send = acknowledgements.begin(kSender, 1, 2, 0);
    acknowledgements.expect(node, 1, send, 0);
    acknowledgements.expect(other, 9, send, 0);
    acknowledgements.expect(node, 2, send, 1);
    acknowledgements.routed(send, on_done());
    acknowledgements.acknowledge(node, 1, on_done());
    acknowledgements.acknowledge(other, 8, on_done());
    CHECK(node.size() == 1);
    CHECK(other.size() == 1);
    CHECK(done.empty());
    SECTION("since it has arrived") {
        acknowledgements.acknowledge(other, 9, on_done());
        acknowledgements.acknowledge(node, 20, on_done());
        CHECK(done.at(1) == Counts{2, 1});
    }
    SECTION("or a node is gone") {
        acknowledgements.acknowledge(node, 20, on_done());
        acknowledgements.give_up(other, on_done());
        CHECK(done.at(1) == Counts{1, 1});
    }
    SECTION("or a batch was shed") {
        acknowledgements.acknowledge(other, 9, on_done());
        shed(0, 2, {2});
        CHECK(done.at(1) == Counts{2, 0});
    }
    CHECK(node.empty());
    CHECK(other.empty());
    CHECK(acknowledgements.size() == 0);
}

TEST_CASE_METHOD(Fixture, "the copies of shed batches go, the others keep their order",
                 "[acknowledgements]") {
    for (std::uint64_t batch = 1; batch <= 6; ++batch) {
        expect(batch * 10, batch);
        expect(batch * 10 + 1, batch);
    }
    shed(1, 5, {1, 2, 4, 6}); // 1 was settled before, 6 is not yet
    CHECK(done == std::map<std::uint64_t, Counts>{{20, {0}}, {21, {0}}, {40, {0}}, {41, {0}}});
    done.clear();
    CHECK(node.size() == 8);
    acknowledgements.acknowledge(node, 3, on_done());
    CHECK(done == std::map<std::uint64_t, Counts>{{10, {1}}, {11, {1}}, {30, {1}}, {31, {1}}});
    done.clear();
    shed(5, 6, {6});
    CHECK(done == std::map<std::uint64_t, Counts>{{60, {0}}, {61, {0}}});
    shed(6, 100, {});
    CHECK(node.size() == 2);
}

TEST_CASE_METHOD(Fixture, "details are kept as long as somebody wants to know them",
                 "[acknowledgements]") {
    struct Done {
        std::uint64_t sender;
        std::uint64_t first;
        Counts nodes;
        std::vector<std::uint64_t> positions;
        std::size_t known;
        std::size_t keyed;
    };
    std::vector<Done> ended;
    const auto on_end = [&](const AwaitedSend& send) {
        const AwaitedDetails& details = *send.details;
        ended.push_back({send.sender, send.first, send.nodes, details.positions,
                         details.known.size(), details.keyed.size()});
    };
    const AwaitedSendIndex answered = acknowledgements.begin(kSender, 1, 3, 0);
    const AwaitedSendIndex forgotten = acknowledgements.begin(kSender, 4, 2, 0);
    const AwaitedSendIndex keyed = acknowledgements.begin(kSender, 6, 1, 0);
    const std::size_t without = acknowledgements.memory_bytes();
    acknowledgements.set_position(answered, 1, 77);
    acknowledgements.set_position(answered, 2, 78);
    acknowledgements.set_outcome(answered, 0, {.nodes = 9});
    acknowledgements.set_position(forgotten, 0, 79);
    acknowledgements.set_key(keyed, 0, {});
    acknowledgements.expect(node, 1, keyed, 0);
    CHECK(acknowledgements.memory_bytes() >
          without + 5 * sizeof(std::uint64_t) + sizeof(wire::Outcome) + sizeof(MessageKey));
    acknowledgements.forget(forgotten);
    acknowledgements.forget(keyed);
    acknowledgements.routed(forgotten, on_end);
    CHECK(ended.empty());
    acknowledgements.routed(keyed, on_end);
    acknowledgements.acknowledge(node, 1, on_end);
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].sender == 0);
    CHECK(ended[0].nodes == Counts{1});
    CHECK(ended[0].keyed == 1);
    const AwaitedSendIndex last = acknowledgements.begin(kSender, 7, 1, 0);
    acknowledgements.routed(answered, on_end);
    REQUIRE(ended.size() == 2);
    CHECK(ended[1].sender == kSender);
    CHECK(ended[1].positions == std::vector<std::uint64_t>{0, 77, 78});
    CHECK(ended[1].known == 1);
    CHECK(acknowledgements.memory_bytes() == without - 5 * sizeof(std::uint32_t));
    acknowledgements.routed(last, on_done());
    CHECK(done.at(7) == Counts{0});
}

TEST_CASE_METHOD(Fixture, "acknowledgements that a departed sender awaited are not sent",
                 "[acknowledgements]") {
    const AwaitedSendIndex arrived = expect(1, 1);
    const AwaitedSendIndex lost = expect(2, 2);
    const AwaitedSendIndex abandoned = expect(3, 3);
    expect(4, 3);
    for (const AwaitedSendIndex send : {arrived, lost, abandoned}) {
        acknowledgements.forget(send);
    }
    acknowledgements.acknowledge(node, 1, on_done());
    shed(0, 2, {2});
    acknowledgements.give_up(node, on_done());
    CHECK(done == std::map<std::uint64_t, Counts>{{4, {0}}});
    CHECK(acknowledgements.size() == 0);
}

TEST_CASE_METHOD(Fixture,
                 "whatever happens to copies, each frame is answered once, as a model says",
                 "[acknowledgements]") {
    std::mt19937 random(1);
    std::map<std::uint64_t, Counts> expected;                     // by first number
    std::map<std::uint64_t, std::vector<std::uint64_t>> in_batch; // frames, by batch
    std::uint64_t applied = 0;
    std::uint64_t settled = 0;
    std::uint64_t batch = 1;
    for (std::uint64_t first = 1; first <= 3000; ++first) {
        batch += random() % 3 == 0 ? 1 : 0;
        expect(first, batch);
        in_batch[batch].push_back(first);
        const auto end = [&](std::uint64_t number, std::uint32_t nodes) {
            for (const std::uint64_t frame : in_batch[number]) {
                expected[frame] = {nodes};
            }
            in_batch.erase(number);
        };
        if (random() % 20 == 0) {
            for (const std::uint64_t last = applied + random() % 4;
                 applied < last && applied < batch;) {
                end(++applied, 1);
            }
            acknowledgements.acknowledge(node, applied, on_done());
        } else if (random() % 20 == 0 && batch > settled + 1) {
            std::set<std::uint64_t> gone;
            for (std::uint64_t number = std::max(settled, applied) + 1; number < batch; ++number) {
                if (random() % 2 == 0) {
                    gone.insert(number);
                    end(number, 0);
                }
            }
            shed(settled, batch - 1, gone);
            settled = batch - 1;
        }
        REQUIRE(done == expected);
        REQUIRE(acknowledgements.size() == node.size());
    }
    acknowledgements.give_up(node, on_done());
    CHECK(done.size() == 3000);
}

} // namespace acknowledgements_test

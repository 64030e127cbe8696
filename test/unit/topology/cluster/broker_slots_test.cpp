// Brokers keep their numbers while the list changes, and nodes and senders go by it step by step.
#include "topology/cluster/broker_slots.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace broker_slots_test {

using namespace zcomet;
using namespace zcomet::cluster;

namespace {

BrokerList list_of(std::uint64_t version, Moving moving, const std::vector<std::string>& words) {
    BrokerList list;
    list.version = version;
    list.moving = moving;
    for (const std::string& word : words) { // "a", "+a", "-a"
        const bool changes = word.front() == '+' || word.front() == '-';
        const std::string name = changes ? word.substr(1) : word;
        const Change change = !changes              ? Change::kNone
                              : word.front() == '+' ? Change::kAdd
                                                    : Change::kRemove;
        list.brokers.push_back({name, "tcp://" + name + ":1", 1, change});
    }
    return list;
}

std::string id_of(int n) {
    return "id" + std::to_string(n);
}

/// The names of an id's brokers.
template <typename AnyPlacement>
std::vector<std::string> names_at(const BrokerSlots& slots, const AnyPlacement& placement,
                                  const std::string& id) {
    std::vector<std::string> names;
    for (const std::size_t broker : placement.brokers_of(id)) {
        names.push_back(slots[broker].name);
    }
    return names;
}

} // namespace

TEST_CASE("senders always send where nodes of the step before and after are logged in",
          "[broker_slots]") {
    const std::vector<BrokerList> steps{
        list_of(1, Moving::kNothing, {"a", "b"}),
        list_of(2, Moving::kNodes, {"a", "-b", "+c"}),
        list_of(3, Moving::kSenders, {"a", "-b", "+c"}),
        list_of(4, Moving::kNothing, {"a", "c"}),
    };
    BrokerSlots slots(steps[0]);
    BrokerSlots before = slots;
    for (std::size_t n = 1; n < steps.size(); ++n) {
        REQUIRE(slots.use(steps[n]).ok());
        CHECK(is_step(steps[n - 1], steps[n]));
        CHECK(is_step(steps[n], steps[n - 1]));
        for (int i = 0; i < 200; ++i) {
            for (const BrokerSlots* nodes : {&before, &slots}) {
                for (const BrokerSlots* senders : {&before, &slots}) {
                    const auto logged_in = names_at(*nodes, nodes->logins(), id_of(i));
                    for (const std::string& name :
                         names_at(*senders, senders->senders(), id_of(i))) {
                        CAPTURE(n, name);
                        CHECK_THAT(logged_in, Catch::VectorContains(name));
                    }
                }
            }
        }
        before = slots;
    }
    CHECK(slots.size() == 3);
    CHECK_FALSE(slots.is_listed(1));
    CHECK(slots.is_listed(2));
    CHECK_FALSE(is_step(steps[0], steps[3]));
    CHECK_FALSE(is_step(steps[0], steps[2]));
}

TEST_CASE("only the ids that must move do", "[broker_slots]") {
    BrokerSlots slots(list_of(1, Moving::kNothing, {"a", "b", "c"}));
    const Placement before = slots.senders();
    REQUIRE(slots.use(list_of(2, Moving::kSenders, {"a", "b", "c", "+d"})).ok());
    for (int i = 0; i < 500; ++i) {
        const BrokerNumbers old = before.brokers_of(id_of(i));
        for (const std::size_t broker : slots.senders().brokers_of(id_of(i))) {
            CHECK((broker == 3 || old.contains(broker)));
        }
    }
}

TEST_CASE("a broker that comes back has its number again", "[broker_slots]") {
    BrokerSlots slots(list_of(1, Moving::kNothing, {"a", "b"}));
    REQUIRE(slots.use(list_of(2, Moving::kNothing, {"b"})).ok());
    REQUIRE(slots.use(list_of(3, Moving::kNothing, {"c", "b", "a"})).ok());
    CHECK(slots.size() == 3);
    CHECK(slots[0].name == "a");
    CHECK(slots.is_listed(0));
    CHECK(slots[2].name == "c");
}

TEST_CASE("lists that cannot follow are refused, and change nothing", "[broker_slots]") {
    const BrokerList first = list_of(2, Moving::kNothing, {"a", "b"});
    BrokerSlots slots(first);
    BrokerList next = list_of(3, Moving::kNothing, {"a", "b"});
    const auto [what, why] = GENERATE(table<int, std::string>({
        {0, "raise it with each change"},
        {1, "another address or weight"},
        {2, "another address or weight"},
        {3, "another name"},
        {4, "replicas cannot change"},
        {5, "has known 64 brokers"},
    }));
    switch (what) {
    case 0:
        next.version = 2;
        break;
    case 1:
        next.brokers[0].endpoint = "tcp://elsewhere:1";
        break;
    case 2:
        next.brokers[0].weight = 2;
        break;
    case 3:
        next.brokers[0].name = "other";
        break;
    case 4:
        next.replicas = 1;
        break;
    default:
        next = list_of(3, Moving::kNothing, {});
        for (int n = 0; n < 63; ++n) {
            next.brokers.push_back({"n" + std::to_string(n), "tcp://n" + std::to_string(n) + ":1"});
        }
    }
    const Status used = slots.use(next);
    REQUIRE_FALSE(used.ok());
    CHECK(used.error().text.find(why) != std::string::npos);
    CHECK(slots.list() == first);
    CHECK(slots.size() == 2);
}

TEST_CASE("some brokers are enough if each id has one of them by either list", "[broker_slots]") {
    BrokerSlots slots(list_of(1, Moving::kNothing, {"a", "b"}));
    BrokerSet one;
    one.set(0);
    CHECK(slots.logins().covers_every_id(one));
    CHECK_FALSE(slots.logins().covers_every_id({}));
    REQUIRE(slots.use(list_of(2, Moving::kNodes, {"-a", "-b", "+c", "+d"})).ok());
    CHECK_FALSE(slots.logins().covers_every_id(one));
    BrokerSet some = one;
    some.set(2);
    CHECK(slots.logins().covers_every_id(some));
}

TEST_CASE("a list goes to another process in a line", "[broker_slots]") {
    BrokerList list = list_of(7, Moving::kSenders, {"a", "-b", "+c"});
    list.replicas = 3;
    list.brokers[0].weight = 4;
    CHECK(read_line(line_of(list)).value() == list);
    const BrokerList plain{"tcp://a:1"};
    CHECK(read_line(line_of(plain)).value() == plain);
    for (const char* line : {"", "1 2", "1 2 0", "1 0 0 =a=tcp://a:1", "1 2 3 =a=tcp://a:1",
                             "x 2 0 =a=tcp://a:1", "1 2 0 ?a=tcp://a:1", "1 2 0 =a"}) {
        CAPTURE(line);
        CHECK_FALSE(read_line(line).ok());
    }
}

TEST_CASE("a step of a change has another hash than the list before and after", "[broker_slots]") {
    const BrokerList list = list_of(1, Moving::kNothing, {"a", "b"});
    for (const auto& other :
         {list_of(1, Moving::kNodes, {"a", "+b"}), list_of(1, Moving::kSenders, {"a", "+b"}),
          list_of(1, Moving::kNodes, {"a", "-b"})}) {
        CHECK(list.mark().contradicts(other.mark()));
    }
}

} // namespace broker_slots_test

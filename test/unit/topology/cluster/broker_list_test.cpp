// What programs are told of their brokers.
#include "topology/cluster/broker_list.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

namespace broker_list_test {

using namespace zcomet;
using namespace zcomet::cluster;

TEST_CASE("a broker without a name has its endpoint's", "[broker_list]") {
    const ListedBroker broker = read_broker("10.0.0.1:7000").value();
    CHECK(broker.name == "tcp://10.0.0.1:7000");
    CHECK(broker.endpoint == "tcp://10.0.0.1:7000");
    CHECK(broker.weight == 1);
    CHECK(text_of(broker) == "tcp://10.0.0.1:7000");
}

TEST_CASE("a broker may have a name and a weight", "[broker_list]") {
    const auto text = GENERATE(as<std::string>(), "b1=tcp://10.0.0.1:7000", "b1*3=tcp://[::1]:7000",
                               "tcp://host:1");
    CAPTURE(text);
    const ListedBroker broker = read_broker(text).value();
    CHECK(text_of(broker) == text);
    CHECK(read_broker(text_of(broker)).value() == broker);
}

TEST_CASE("a list with a version is known by what it says, in any order", "[broker_list]") {
    BrokerList list =
        read_broker_list({"b2*3=tcp://10.0.0.2:5555", "b1=tcp://10.0.0.1:5555"}).value();
    CHECK(list.mark() == wire::ListMark{});
    list.version = 7;
    CHECK(list.mark() == wire::ListMark{7, 0xD368'F4E5'B2B7'0CC7}); // as in docs/PROTOCOL.md
    std::swap(list.brokers[0], list.brokers[1]);
    CHECK(list.mark() == wire::ListMark{7, 0xD368'F4E5'B2B7'0CC7});
    BrokerList other = list;
    const auto change = GENERATE(0, 1, 2, 3);
    CAPTURE(change);
    if (change == 0) {
        other.replicas = 1;
    } else if (change == 1) {
        other.brokers[0].weight = 2;
    } else if (change == 2) {
        other.brokers[0].endpoint = "tcp://10.0.0.3:5555";
    } else {
        other.brokers.pop_back();
    }
    CHECK(list.mark().contradicts(other.mark()));
    other.version = 8;
    CHECK_FALSE(list.mark().contradicts(other.mark()));
    other.version = 0;
    CHECK_FALSE(other.mark().contradicts(BrokerList({"tcp://h:1"}).mark()));
}

TEST_CASE("what is no broker is refused in one sentence", "[broker_list]") {
    const auto [text, why] = GENERATE(table<std::string, std::string>({
        {"b*0=h:1", "is not a weight"},
        {"b*17=h:1", "is not a weight"},
        {"b*x=h:1", "is not a weight"},
        {"a b=h:1", "is not a name"},
        {"=h:1", "is not a name"},
        {"b=h:0", "needs a port"},
        {"b=*:1", "is not an address to connect to"},
        {"b=http://h:1", "http://h:1"},
        {"", "\"\""},
    }));
    CAPTURE(text);
    const auto broker = read_broker(text);
    REQUIRE_FALSE(broker.ok());
    CHECK(broker.error().text.find(why) != std::string::npos);
}

TEST_CASE("no broker is named twice", "[broker_list]") {
    CHECK(read_broker_list({"a=h:1", "b=h:2"}).value().text() == "tcp://h:1,tcp://h:2");
    CHECK_FALSE(read_broker_list({"a=h:1", "a=h:2"}).ok());
    CHECK_FALSE(read_broker_list({"a=h:1", "h:1"}).ok());
    std::vector<std::string> many;
    for (std::size_t n = 0; n <= kBrokersMax; ++n) {
        many.push_back("h:" + std::to_string(n + 1));
    }
    CHECK_FALSE(read_broker_list(many).ok());
    many.pop_back();
    CHECK(read_broker_list(many).ok());
}

} // namespace broker_list_test

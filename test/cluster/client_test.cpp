// The client library (topology/client/client.hpp) against a real broker: login, logout, send and
// receive, as the 2008 router had them.
#include "test/support/cluster.hpp"
#include "test/support/descriptor_limit.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace client_test {

using namespace zcomet;
using namespace zcomet::test;

namespace {

Cluster broker_only() {
    return Cluster({.web_nodes = 0});
}

/// The next message that `client` receives, as "ID: TEXT"; empty if none comes.
std::string next(client::Client& client, Duration timeout = kSoon) {
    const auto message = client.receive(timeout);
    return message ? message->id + ": " + message->text : "";
}

/// ZeroMQ closes sockets in threads of its own, after their owner has. A descriptor that becomes
/// free then is one below a limit that was set before.
void await_steady_descriptors() {
    const auto count = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                             std::filesystem::directory_iterator());
    };
    auto before = count();
    for (int times_equal = 0; times_equal < 10;) {
        std::this_thread::sleep_for(20ms);
        const auto now = count();
        times_equal = now == before ? times_equal + 1 : 0;
        before = now;
    }
}

} // namespace

TEST_CASE("a client that is logged in receives what is sent to its ids") {
    Cluster cluster = broker_only();
    const auto receiver = cluster.connect();
    const auto sender = cluster.connect();
    REQUIRE(receiver->login("123").ok());
    REQUIRE(receiver->login("456").ok());
    REQUIRE(receiver->login("123").ok());
    CHECK(sender->send("123", "one").value() == 1);
    CHECK(sender->send("456", "two").value() == 2);
    CHECK(sender->send_with_receipt("789", "into the void").value().nodes == 0);
    CHECK(next(*receiver) == "123: one");
    CHECK(next(*receiver) == "456: two");
    CHECK(next(*receiver, 50ms).empty());
}

TEST_CASE("a client may send to itself") {
    Cluster cluster = broker_only();
    const auto client = cluster.connect();
    REQUIRE(client->login("123").ok());
    CHECK(client->send_with_receipt("123", "to myself").value().nodes == 1);
    CHECK(next(*client) == "123: to myself");
}

TEST_CASE("several clients may hold one id") {
    Cluster cluster = broker_only();
    const auto first = cluster.connect();
    const auto second = cluster.connect();
    const auto sender = cluster.connect();
    REQUIRE(first->login("123").ok());
    REQUIRE(second->login("123").ok());
    CHECK(sender->send_with_receipt("123", "both").value().nodes == 2);
    CHECK(next(*first) == "123: both");
    CHECK(next(*second) == "123: both");
}

TEST_CASE("after a logout nothing more comes, of one id or of all") {
    Cluster cluster = broker_only();
    const auto receiver = cluster.connect();
    const auto sender = cluster.connect();
    for (const char* id : {"1", "2", "3"}) {
        REQUIRE(receiver->login(id).ok());
    }
    receiver->logout("1");
    receiver->logout("nobody");
    CHECK(eventually([&] {
        receiver->work();
        return cluster.holders("1") == 0U;
    }));
    CHECK(sender->send_with_receipt("1", "gone").value().nodes == 0);
    CHECK(sender->send_with_receipt("2", "still here").value().nodes == 1);
    CHECK(next(*receiver) == "2: still here");
    receiver->logout();
    CHECK(eventually([&] {
        receiver->work();
        return cluster.holders("2") == 0U && cluster.holders("3") == 0U;
    }));
    REQUIRE(receiver->login("2").ok());
    CHECK(sender->send_with_receipt("2", "back").value().nodes == 1);
    CHECK(next(*receiver) == "2: back");
}

TEST_CASE("a client that goes away is logged out at once") {
    Cluster cluster = broker_only();
    auto client = cluster.connect();
    REQUIRE(client->login("123").ok());
    CHECK(cluster.holders("123") == 1);
    client.reset();
    CHECK(cluster.await_holders("123", 0, 1s));
}

TEST_CASE("a client refuses invalid ids and messages that are too long") {
    Cluster cluster = broker_only();
    const auto client = cluster.connect();
    const std::string too_long(65'537, 'x');
    CHECK_FALSE(client->login("").ok());
    CHECK_FALSE(client->login("a b").ok());
    CHECK_FALSE(client->send(std::string(65, 'a'), "x").ok());
    CHECK_FALSE(client->send("123", too_long).ok());
    CHECK(client->send("123", std::string_view(too_long).substr(1)).ok());
    CHECK(client->flush().ok());
}

TEST_CASE("broker and clients meet over IPv6 as well") {
    std::ifstream addresses("/proc/net/if_inet6");
    const std::string all{std::istreambuf_iterator<char>(addresses), {}};
    if (all.find("00000000000000000000000000000001") == std::string::npos) {
        WARN("this host has no IPv6 loopback address");
        return;
    }
    const ReadyProgram broker("zcomet-broker",
                              {"--listen", "tcp://[::1]:*", "--feed", "tcp://[::1]:*"});
    const auto client = client::Client::connect({.broker = broker.field("listen")});
    REQUIRE(client.ok());
    REQUIRE(client.value()->login("123").ok());
    CHECK(client.value()->send_with_receipt("123", "hello").value().nodes == 1);
    CHECK(next(*client.value()) == "123: hello");
}

TEST_CASE("a login for which the broker has no room is an error, and others go on") {
    Cluster cluster({.web_nodes = 0, .broker_options = {"--ids-max", "2"}});
    const auto first = cluster.connect();
    const auto second = cluster.connect();
    REQUIRE(first->login("1").ok());
    REQUIRE(first->login("2").ok());
    const Status refused = second->login("3");
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().text.find("as many ids as it may have") != std::string::npos);
    CHECK(cluster.query("stats").at("counters").at("logins_refused") == 1);
    CHECK(first->send_with_receipt("3", "nobody").value().nodes == 0);
    CHECK(second->send_with_receipt("2", "somebody").value().nodes == 1);
    CHECK(next(*first) == "2: somebody");
    // A refused client is not logged in later, but may try again.
    first->logout("2");
    CHECK(eventually([&] {
        first->work();
        return cluster.holders("2") == 0U;
    }));
    REQUIRE(second->login("3").ok());
    CHECK(first->send_with_receipt("3", "there").value().nodes == 1);
    CHECK(next(*second) == "3: there");
}

TEST_CASE("a client's name is checked before it is sent") {
    Cluster cluster = broker_only();
    const auto connect = [&](const std::string& name) {
        return client::Client::connect({.broker = cluster.broker_endpoint(), .name = name});
    };
    for (const std::string& name :
         {std::string(65, 'n'), std::string(256, 'n'), std::string(100'000, 'n'),
          std::string("a b"), std::string("\n"), std::string(1, '\0')}) {
        const auto client = connect(name);
        REQUIRE_FALSE(client.ok());
        CHECK(client.error().text.find("1 to 64 printable") != std::string::npos);
    }
    const auto client = connect(std::string(64, 'n'));
    REQUIRE(client.ok());
    CHECK(client.value()->login("1").ok());
    CHECK(client.value()->send("1", "x").ok());
}

TEST_CASE("a client that finds no descriptors says so, and goes on when there are some") {
    Cluster cluster = broker_only();
    const client::ClientOptions options{
        .broker = cluster.broker_endpoint(), .name = "", .timeout = 300ms};
    std::unique_ptr<client::Client> client;
    for (rlim_t few = 0; few < 40 && !client; ++few) {
        const DescriptorLimit limit(few);
        auto connected = client::Client::connect(options);
        if (connected.ok()) {
            client = std::move(connected).value();
        } else {
            CHECK_FALSE(connected.error().text.empty());
        }
    }
    REQUIRE(client);
    await_steady_descriptors();
    {
        const DescriptorLimit none(0);
        CHECK_FALSE(client->login("1").ok());
        CHECK_FALSE(client->send("1", "x").ok());
        CHECK_FALSE(client->send_with_receipt("1", "x").ok());
        client->logout("1");
        CHECK_FALSE(client->receive(1ms));
        CHECK(client->flush().ok());
    }
    REQUIRE(client->login("1").ok());
    CHECK(client->send_with_receipt("1", "at last").value().nodes == 1);
    CHECK(next(*client) == "1: at last");
}

TEST_CASE("a client that runs out of descriptors at any point neither throws nor aborts") {
    Cluster cluster = broker_only();
    const client::ClientOptions options{
        .broker = cluster.broker_endpoint(), .name = "", .timeout = 100ms};
    for (rlim_t few = 0; few < 16; ++few) {
        const auto client = client::Client::connect(options);
        REQUIRE(client.ok());
        {
            const DescriptorLimit limit(few);
            static_cast<void>(client.value()->login("1"));
            static_cast<void>(client.value()->send("1", "x"));
            client.value()->logout();
        }
        CHECK(eventually([&] { return client.value()->login("2").ok(); }));
        CHECK(eventually([&] { return client.value()->send("2", "x").ok(); }));
    }
}

TEST_CASE("connecting to an address without a broker is an error in time") {
    const auto bad =
        client::Client::connect({.broker = "not an address", .name = "", .timeout = 100ms});
    REQUIRE_FALSE(bad.ok());
    CHECK(bad.error().text.find("not an address") != std::string::npos);
    const std::string nobody = "tcp://" + own_address() + ":9";
    const Time begin = Clock::now();
    const auto absent = client::Client::connect({.broker = nobody, .name = "", .timeout = 300ms});
    REQUIRE_FALSE(absent.ok());
    CHECK(absent.error().text.find(nobody) != std::string::npos);
    CHECK(Clock::now() - begin < 3s);
}

TEST_CASE("a client finds its broker by HOST:PORT, as the programs do") {
    const Cluster cluster({.web_nodes = 0});
    const std::string host_port = cluster.broker_endpoint().substr(std::string("tcp://").size());
    const auto client = client::Client::connect({.broker = host_port});
    REQUIRE(client.ok());
    CHECK(client.value()->login("123").ok());
}

TEST_CASE("a client finds a broker that was started again, and is logged in there") {
    Cluster cluster = broker_only();
    const auto receiver = cluster.connect();
    REQUIRE(receiver->login("123").ok());
    cluster.broker().signal(SIGKILL);
    REQUIRE(cluster.broker().wait());
    cluster.start_broker();
    CHECK(eventually([&] {
        receiver->work();
        return cluster.holders("123") == 1U;
    }));
    const auto sender = cluster.connect();
    CHECK(sender->send_with_receipt("123", "after").value().nodes == 1);
    CHECK(next(*receiver) == "123: after");
}

TEST_CASE("a sender that was silent for longer than its lease sends on") {
    Cluster cluster = broker_only();
    const auto receiver = cluster.connect();
    const auto sender = cluster.connect();
    REQUIRE(receiver->login("123").ok());
    CHECK(sender->send_with_receipt("123", "before").value().nodes == 1);
    CHECK(next(*receiver) == "123: before");
    // Until the broker has forgotten the sender; meanwhile only the receiver works.
    CHECK(eventually([&] {
        receiver->work();
        return cluster.query("stats").at("senders") == 0;
    }));
    CHECK(sender->send_with_receipt("123", "after").value().nodes == 1);
    CHECK(next(*receiver) == "123: after");
}

TEST_CASE("many messages from several threads, a client for each, arrive in each sender's order") {
    Cluster cluster = broker_only();
    const auto receiver = cluster.connect();
    REQUIRE(receiver->login("123").ok());
    constexpr int kSenders = 4;
    constexpr int kMessages = 2000;
    std::vector<std::thread> threads;
    threads.reserve(kSenders);
    for (int s = 0; s < kSenders; ++s) {
        threads.emplace_back([&cluster, s] {
            const auto sender = cluster.connect();
            for (int k = 0; k < kMessages; ++k) {
                static_cast<void>(sender->send("123", std::to_string(s) + " " + std::to_string(k)));
            }
            static_cast<void>(sender->flush());
        });
    }
    std::vector<int> expected(kSenders, 0);
    int wrong = 0;
    for (int i = 0; i < kSenders * kMessages; ++i) {
        const auto message = receiver->receive(kSoon);
        REQUIRE(message);
        const auto space = message->text.find(' ');
        int& due = expected.at(std::stoul(message->text.substr(0, space)));
        wrong += std::stoi(message->text.substr(space + 1)) == due++ ? 0 : 1;
    }
    CHECK(wrong == 0);
    for (std::thread& thread : threads) {
        thread.join();
    }
}

} // namespace client_test

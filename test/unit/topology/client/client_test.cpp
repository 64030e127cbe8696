// The client library against a broker that this test plays: a flood of messages, and a kernel that
// has no room for a descriptor. test/cluster/client_test.cpp has the rest, against a real broker.
#include "topology/base/unique_fd.hpp"
#include "topology/client/client.hpp"
#include "topology/link/zmq_socket.hpp"
#include "topology/loop/loop.hpp"
#include "topology/wire/frames.hpp"

#include <catch2/catch.hpp>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <future>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace client_test {

using namespace zcomet;
using namespace zcomet::client;

namespace {

constexpr Duration kSoon = 30s;
constexpr std::uint64_t kFeed = 77;
/// Batches that a link receives in a turn, and turns that a client gives it in a call of work().
constexpr std::uint64_t kBatchesOfTurn = 64;
constexpr std::uint64_t kBatchesOfWork = 64 * kBatchesOfTurn;

constexpr int kMessagesOfBatch = 32;

thread_local bool kernel_has_no_room = false;

} // namespace

/// Takes the place of the C library's, for this whole program.
extern "C" int epoll_ctl(int set, int operation, int fd, epoll_event* event) noexcept {
    if (kernel_has_no_room && operation == EPOLL_CTL_ADD) {
        errno = ENOSPC;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_epoll_ctl, set, operation, fd, event));
}

namespace {

/// While it lives, epoll sets take no descriptor of the calling thread.
class NoRoom {
  public:
    NoRoom() { kernel_has_no_room = true; }
    ~NoRoom() { kernel_has_no_room = false; }
    NoRoom(const NoRoom&) = delete;
    NoRoom& operator=(const NoRoom&) = delete;
};

/// The batches of a flood, made beforehand: they must come faster than a client takes them. Number
/// `ours` is for the id "1", the others are for "2".
std::vector<std::string> make_flood(std::uint64_t batches, std::uint64_t ours) {
    std::vector<std::string> flood;
    for (std::uint64_t number = 1; number <= batches; ++number) {
        wire::MessageFrameWriter batch(wire::MessageFrameWriter::Form::kBatch);
        for (int i = 0; i < kMessagesOfBatch; ++i) {
            batch.add({.id = number == ours ? "1" : "2", .payload = "of a flood"});
        }
        flood.push_back(batch.finish_batch(kFeed, number));
    }
    return flood;
}

/// A broker of few words, in a thread of its own. It confirms logins and whatever else is asked.
/// When it hears of a logout it publishes a flood.
class FakeBroker : private loop::Source {
  public:
    explicit FakeBroker(std::vector<std::string> flood = {})
        : flood_(std::move(flood)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        std::promise<std::string> bound;
        std::future<std::string> endpoint = bound.get_future();
        thread_ = std::thread([this, &bound] { run(bound); });
        endpoint_ = endpoint.get();
    }
    ~FakeBroker() override {
        static_cast<void>(::eventfd_write(stop_.get(), 1));
        thread_.join();
    }
    FakeBroker(const FakeBroker&) = delete;
    FakeBroker& operator=(const FakeBroker&) = delete;

    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    /// The last batch that the node has said it has applied.
    [[nodiscard]] std::uint64_t applied() const { return applied_; }
    /// Waits until a client has said GOODBYE.
    void await_goodbye() {
        REQUIRE(goodbye_.get_future().wait_for(kSoon) == std::future_status::ready);
    }

  private:
    void run(std::promise<std::string>& bound) {
        link::LinkContext context;
        link::ZmqSocket peers(context, zmq::socket_type::router);
        link::ZmqSocket feeds(context, zmq::socket_type::xpub);
        feeds.send_queue_max(0); // the flood has no window
        static_cast<void>(peers.bind("tcp://127.0.0.1:*"));
        static_cast<void>(feeds.bind("tcp://127.0.0.1:*"));
        peers_ = &peers;
        feeds_ = &feeds;
        fds_ = {peers.fd(), feeds.fd()};
        loop::Loop loop;
        loop.add(*this, loop::Order::kBroker);
        bound.set_value(peers.bound_endpoint());
        loop.run(stop_.get());
    }
    std::span<const int> fds() const override { return fds_; }
    Time due() const override { return kNever; }
    bool turn(Time /*now*/) override {
        bool more = false;
        while (const auto topic = feeds_->receive_single()) { // \1, or \0 when it is given up
            if (link::bytes_of(*topic).starts_with('\1')) {
                topic_ = link::bytes_of(*topic).substr(1);
                publish(wire::encode_empty_batch(kFeed, published_));
            }
        }
        while (const auto peer = peers_->receive(more)) {
            peer_ = link::bytes_of(*peer);
            const auto frame = peers_->receive(more);
            const auto decoded = wire::decode(link::bytes_of(*frame));
            std::visit([this](const auto& heard) { on(heard); }, std::get<wire::Frame>(decoded));
        }
        return peers_->readable() || feeds_->readable();
    }

    void on(const wire::Ping& ping) { say(wire::encode(wire::Pong{ping.token})); }
    void on(const wire::Hello& hello) {
        const std::string feed = feeds_->bound_endpoint();
        wire::Welcome welcome{1, "fake", 10'000, 60'000, {}, {}};
        if (hello.role == wire::Role::kNode) {
            welcome.part = wire::NodeWelcome{feed, kFeed, 0, published_};
        } else {
            welcome.part = wire::SenderWelcome{1U << 20U, 0, 0};
        }
        say(wire::encode(welcome));
    }
    void on(const wire::Send& send) {
        wire::OutcomesWriter receipt;
        send.messages.for_each([&](const wire::Message&) { receipt.add({.nodes = 7}); });
        say(receipt.finish_receipt(send.first));
    }
    void on(const wire::Logout& /*logout*/) {
        for (; published_ < flood_.size(); ++published_) {
            publish(flood_[published_]);
        }
    }
    void on(const wire::Heartbeat& heartbeat) { applied_ = heartbeat.feed; }
    void on(const wire::Goodbye& /*goodbye*/) {
        if (!std::exchange(over_, true)) {
            goodbye_.set_value();
        }
    }
    template <typename Other> void on(const Other& /*other*/) {}

    void say(const std::string& frame) {
        static_cast<void>(peers_->send(peer_, true));
        static_cast<void>(peers_->send(frame));
    }
    void publish(const std::string& batch) {
        static_cast<void>(feeds_->send(topic_, true));
        static_cast<void>(feeds_->send(batch));
    }

    std::vector<std::string> flood_;
    UniqueFd stop_;
    link::ZmqSocket* peers_ = nullptr;
    link::ZmqSocket* feeds_ = nullptr;
    std::array<int, 2> fds_{-1, -1};
    std::string topic_;
    std::string peer_;
    std::uint64_t published_ = 0;
    std::atomic<std::uint64_t> applied_ = 0;
    bool over_ = false;
    std::promise<void> goodbye_;
    std::string endpoint_;
    std::thread thread_;
};

std::unique_ptr<Client> connect(const FakeBroker& broker) {
    auto connected = Client::connect({.broker = broker.endpoint(), .name = "c", .timeout = kSoon});
    REQUIRE(connected.ok());
    return std::move(connected).value();
}

} // namespace

TEST_CASE("a flood of messages keeps no call of a client for long", "[client]") {
    constexpr std::uint64_t kOurs = 1000; // by then the flood is ahead
    FakeBroker broker(make_flood(4 * kBatchesOfWork, kOurs));
    auto client = connect(broker);
    REQUIRE(client->login("1").ok());
    REQUIRE(client->login("2").ok());
    client->logout("2");           // calls work(), and the flood begins
    CHECK(client->receive(kSoon)); // turns of the loop until ours has come, then work()
    client.reset();
    broker.await_goodbye();
    CHECK(broker.applied() <= kOurs + kBatchesOfTurn + 2 * kBatchesOfWork);
}

TEST_CASE("what work() leaves is received next, though no descriptor tells of it", "[client]") {
    constexpr std::uint64_t kFlood = 6 * kBatchesOfWork;
    FakeBroker broker(make_flood(kFlood, kFlood));
    const auto client = connect(broker);
    REQUIRE(client->login("1").ok());
    REQUIRE(client->login("2").ok());
    client->logout("2");
    for (const Time end = Clock::now() + kSoon; broker.applied() == 0 && Clock::now() < end;) {
        client->work();
    }
    CHECK(client->receive(5s)); // before a heartbeat is due
}

TEST_CASE("a client for whose links the kernel has no room says so, and is as before", "[client]") {
    const FakeBroker broker;
    const auto client = connect(broker);
    {
        const NoRoom no_room;
        const Status login = client->login("1");
        REQUIRE_FALSE(login.ok());
        CHECK(login.error().text.find("No space left") != std::string::npos);
        CHECK_FALSE(client->send("1", "x").ok());
        CHECK(client->flush().ok());
        client->logout("1");
        client->work();
        CHECK_FALSE(client->receive(1ms));
    }
    CHECK(client->login("1").ok());
    CHECK(client->send_with_receipt("1", "x").value().nodes == 7);
}

} // namespace client_test

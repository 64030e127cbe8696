// The parts of a worker's loop around an epoll set, without a broker. A connection is one end of a
// socket pair; the test has the other end. The test sets the time.
#pragma once

#include "test/unit/webnode/connection/browser.hpp"
#include "topology/wire/frames.hpp"
#include "webnode/connection/connections.hpp"
#include "webnode/request/requests.hpp"
#include "webnode/route/routes.hpp"
#include "webnode/stream/delivery.hpp"
#include "webnode/stream/presence.hpp"

#include <catch2/catch.hpp>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::request {

using connection::Browser;

class LoopFixture : private session::Logins {
  public:
    explicit LoopFixture(connection::SlowPolicy slow = connection::SlowPolicy::kClose)
        : LoopFixture(route::routes(), slow) {}
    explicit LoopFixture(std::vector<Route> routes,
                         connection::SlowPolicy slow = connection::SlowPolicy::kClose)
        : LoopFixture({.slow = {.bytes_max = kOutboxBytesMax, .policy = slow, .patience = 0s}},
                      std::move(routes)) {}

    static constexpr std::size_t kOutboxBytesMax = 4096;
    static constexpr int kSocketBytes = 131'072; // about what a connection takes
    static constexpr Duration kDeadline = 10s;

    struct Limits {
        connection::SlowReaders slow{.bytes_max = kOutboxBytesMax, .patience = 0s};
        RequestLimits requests{.deadline = kDeadline};
    };
    explicit LoopFixture(const Limits& limits, std::vector<Route> routes = route::routes())
        : connections(epoll, counters, limits.slow, [this] { return now; }),
          requests(connections, presence, std::move(routes), counters, limits.requests) {
        presence.use(polls);
        requests.use(polls);
    }

    /// A browser connects after it has sent `request`.
    /// @param origin  its host, as port::AddressPlaces counts it.
    [[nodiscard]] Browser connect(std::string_view request = {}, std::uint16_t origin = 0) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) ==
                0);
        const int size = kSocketBytes / 2; // the kernel doubles it
        REQUIRE(::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
        Browser browser(ends[1]);
        if (!request.empty()) {
            browser.send(request);
        }
        requests.on_accepted(ends[0], now, origin);
        return browser;
    }
    [[nodiscard]] Browser open_stream(const std::string& id) {
        Browser browser = connect("GET /test/" + id + " HTTP/1.1\r\nHost: h\r\n\r\n");
        REQUIRE(browser.received().starts_with("HTTP/1.1 200 OK\r\n"));
        return browser;
    }
    /// Handles all events that are ready.
    void turn() {
        for (auto events = epoll.wait(now, now); !events.empty(); events = epoll.wait(now, now)) {
            for (const epoll_event& event : events) {
                requests.on_event(connection::Handle::unpack(event.data.u64), event.events, now);
            }
        }
    }
    void pass(Duration duration) {
        now += duration;
        turn();
        requests.sweep(now);
        requests.answer_polls(now);
        connections.sweep(now);
    }
    void deliver(std::initializer_list<std::pair<std::string_view, std::string_view>> messages) {
        wire::MessageFrameWriter writer(wire::MessageFrameWriter::Form::kBatch);
        for (const auto& [id, text] : messages) {
            writer.add({id, text});
        }
        const std::string frame = writer.finish_batch(1, 1);
        const auto decoded = wire::decode(frame);
        delivery.deliver(std::get<wire::Batch>(std::get<wire::Frame>(decoded)).messages);
    }
    void finish_deliveries() {
        do {
            delivery.work();
        } while (delivery.unfinished());
    }
    [[nodiscard]] std::uint64_t count(slot::WorkerCounter counter) const {
        return counters.get(counter);
    }

    Time now = Time() + 1h;
    metrics::Counters<slot::WorkerCounter> counters;
    loop::Epoll epoll;
    std::vector<std::string> logins;
    std::vector<std::string> logouts;
    connection::Connections connections;
    stream::Polls polls{connections, counters};
    stream::Presence presence{connections, *this};
    Requests requests;
    stream::Delivery delivery{connections, presence.streams(), counters};

  private:
    void login(std::string_view id) override { logins.emplace_back(id); }
    void logout(std::string_view id) override { logouts.emplace_back(id); }
};

} // namespace zcomet::webnode::request

#include "topology/base/unique_fd.hpp"
#include "topology/net/lookup.hpp"
#include "topology/net/reachable.hpp"

#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>

#include <future>
#include <thread>

namespace lookup_test {

using namespace zcomet;
using namespace zcomet::net;
using Catch::Matchers::Contains;

namespace {

constexpr Duration kSoon = 20s;

SocketAddress loopback(const char* host, std::uint16_t port) {
    const auto found = resolve({host, port}, Purpose::kConnect);
    REQUIRE(found.ok());
    return found.value().front();
}

} // namespace

TEST_CASE("an address in digits needs no name service", "[lookup]") {
    for (const char* host : {"127.0.0.1", "::1", "*"}) {
        Lookup lookup({host, 80}, Purpose::kListen);
        CHECK(lookup.fd() == -1);
        CHECK(lookup.answered());
        auto answer = lookup.answer();
        REQUIRE(answer);
        CHECK(answer->ok());
        CHECK_FALSE(lookup.answer()); // it was moved out
    }
}

TEST_CASE("the descriptor says when a name's addresses are there", "[lookup]") {
    Lookup lookup({"localhost", 80}, Purpose::kConnect);
    pollfd event{lookup.fd(), POLLIN, 0};
    REQUIRE(::poll(&event, 1, static_cast<int>(in_ms(kSoon))) == 1);
    REQUIRE(lookup.answered());
    const auto answer = lookup.answer();
    REQUIRE(answer->ok());
    CHECK_FALSE(answer->value().empty());
}

TEST_CASE("nobody waits for a look-up that is not wanted any more", "[lookup]") {
    const Lookup lookup({"no-such-host.invalid", 80}, Purpose::kConnect);
}

TEST_CASE("a name service that hangs keeps a bounded number of threads", "[lookup]") {
    std::promise<void> end;
    const auto hang = [ended = end.get_future().share()](const wire::HostPort&, Purpose) {
        ended.wait();
        return Result<std::vector<SocketAddress>>(Error{"ended"});
    };
    const wire::HostPort host{"some-host", 80};
    // Nobody waits for them any more, and their threads go on. So may some of the other tests.
    int hanging = 0;
    while (hanging <= Lookup::kUnansweredMax && !Lookup(host, Purpose::kConnect, hang).answered()) {
        ++hanging;
    }
    CHECK(hanging <= Lookup::kUnansweredMax);
    CHECK(hanging > Lookup::kUnansweredMax / 2);
    Lookup too_many(host, Purpose::kConnect, hang);
    const auto answer = too_many.answer();
    REQUIRE(answer);
    REQUIRE_FALSE(answer->ok());
    CHECK_THAT(answer->error().text, Contains("some-host") && Contains("has not answered"));
    CHECK(too_many.fd() == -1);
    CHECK(Lookup({"127.0.0.1", 80}, Purpose::kConnect).answer()->ok());

    end.set_value();
    const Time deadline = Clock::now() + kSoon;
    const auto has_place = [] {
        return resolve_within({"localhost", 80}, Purpose::kConnect, kSoon).ok();
    };
    while (!has_place() && Clock::now() < deadline) {
        std::this_thread::yield();
    }
    CHECK(has_place());
}

TEST_CASE("a caller may say how long it waits for a name", "[lookup]") {
    const auto unknown = resolve_within({"no-such-host.invalid", 80}, Purpose::kConnect, kSoon);
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.error().text, Contains("no-such-host.invalid"));
    CHECK(resolve_within({"localhost", 80}, Purpose::kConnect, kSoon).ok());
    CHECK_FALSE(resolve_within({"no-such-host.invalid", 80}, Purpose::kConnect, 0s).ok());
}

TEST_CASE("of several addresses the one that answers is chosen", "[reachable]") {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    for (const UniqueFd* fd : {&listener, &silent}) {
        const SocketAddress any = loopback("127.0.0.1", 0);
        REQUIRE(::bind(fd->get(), any.get(), any.size) == 0);
    }
    REQUIRE(::listen(listener.get(), 1) == 0);
    const std::vector<SocketAddress> addresses{loopback("127.0.0.1", bound_port(silent.get())),
                                               loopback("127.0.0.1", bound_port(listener.get()))};
    CHECK(&first_reachable(addresses, kSoon) == &addresses[1]);
    const std::vector<SocketAddress> none(2, addresses[0]);
    CHECK(&first_reachable(none, kSoon) == none.data());
}

} // namespace lookup_test

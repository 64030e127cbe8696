// What a broker remembers of the answers that its peers have not read yet.
#include "broker/shell/replies.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace replies_test {

using namespace zcomet;
using zcomet::broker::shell::Replies;

namespace {

constexpr std::size_t kShare = 64U << 20U;

std::string connection(std::size_t number) {
    return "c" + std::to_string(number);
}

struct Peers {
    Replies replies{kShare};
    Time now = Time{} + 1h;
    std::vector<zmq::message_t> unread;

    /// @return whether the answer went out.
    bool answer(std::size_t peer, std::size_t bytes) {
        auto message = replies.message(connection(peer), std::string(bytes, 'x'));
        if (message) {
            unread.push_back(std::move(*message));
        }
        return message.has_value();
    }
    void pass(Duration time) {
        const Time end = now + time;
        while (replies.due() <= end) {
            now = std::max(now, replies.due());
            replies.turn(now);
        }
        now = end;
    }
};

} // namespace

TEST_CASE_METHOD(Peers, "replies: a peer that does not read gets two megabytes", "[replies]") {
    while (answer(1, 100'000)) {
    }
    CHECK(replies.queued_bytes() <= Replies::kOfPeerMax);
    CHECK(replies.queued_bytes() > Replies::kOfPeerMax - 100'000);
    CHECK(answer(2, 100'000));
    unread.clear();
    CHECK(replies.queued_bytes() == 0);
    CHECK(answer(1, 100'000));
}

TEST_CASE_METHOD(Peers, "replies: and less when all peers have too many unread", "[replies]") {
    replies.set_share(100'000);
    CHECK(answer(1, 100'000));
    CHECK_FALSE(answer(1, Replies::kOfPeerWhenFull));
    CHECK(answer(2, Replies::kOfPeerWhenFull));
    CHECK_FALSE(answer(2, 1));
}

TEST_CASE_METHOD(Peers, "replies: who has read everything is forgotten, others are not",
                 "[replies]") {
    constexpr std::size_t kPeers = 5'000;
    CHECK(replies.due() == kNever);
    for (std::size_t i = 0; i < kPeers; ++i) {
        answer(i, 10);
    }
    CHECK(replies.size() == kPeers);
    std::vector<zmq::message_t> kept;
    for (std::size_t i = 0; i < kPeers; i += 100) {
        kept.push_back(std::move(unread[i]));
    }
    unread.clear();
    pass(10s);
    CHECK(replies.size() == kept.size());
    CHECK(replies.queued_bytes() == 10 * kept.size());
    kept.clear();
    pass(2s);
    CHECK(replies.size() == 0);
    CHECK(replies.due() == kNever);
}

TEST_CASE_METHOD(Peers, "replies: peers that come and go by the thousand leave little",
                 "[replies]") {
    for (std::size_t i = 0; i < 100'000; ++i) {
        answer(i, 10);
        unread.clear();
    }
    CHECK(replies.size() <= 2);
}

} // namespace replies_test

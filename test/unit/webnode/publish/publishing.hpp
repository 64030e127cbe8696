// For tests of what backends publish: requests go in, and messages and answers come out.
#pragma once

#include "webnode/publish/publisher.hpp"
#include "webnode/route/routes.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zcomet::webnode::publish {

/// A broker that a test plays.
class FakeSender final : public Sender {
  public:
    struct Sent {
        std::string id;
        std::string text;
        wire::Confirm confirm;
        std::string attributes;
    };

    [[nodiscard]] bool has_broker(std::string_view) const override { return is_welcomed; }
    [[nodiscard]] bool can_send(std::string_view, std::size_t message_bytes) const override {
        return sent.size() < room && message_bytes <= window;
    }
    std::uint64_t send(std::string_view id, std::string_view text, wire::Confirm confirm,
                       std::string_view attributes) override {
        sent.push_back({std::string(id), std::string(text), confirm, std::string(attributes)});
        return sent.size();
    }

    bool is_welcomed = true;
    std::size_t room = 100;           ///< messages
    std::size_t window = 256U << 10U; ///< bytes of those that are sent together
    std::vector<Sent> sent;
};

/// The routes of an API, whose broker a test plays.
struct Publishing {
    metrics::Counters<slot::WorkerCounter> counters;
    FakeSender sender;
    Publisher publisher{counters};
    ask::Who who;
    ask::Replays replays;
    request::Routes routes{route::api_routes(publisher, who, replays), 1};
    std::uint32_t tickets = 0;
    std::map<std::uint32_t, http::Reply> replies; // by ticket

    Publishing() { publisher.use(sender); }

    /// @return the answer that comes at once; nothing: it comes later, to this ticket.
    std::optional<http::Answer> post(const std::string& path, const std::string& body,
                                     const std::string& headers = "") {
        request::Outcome outcome;
        http::Answer answer =
            routes.handle("POST " + path + " HTTP/1.1\r\nHost: a\r\n" + headers +
                              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
                          {{}, ++tickets}, outcome);
        return outcome.is_later ? std::nullopt : std::optional(std::move(answer));
    }
    void collect() {
        publisher.answers().give([this](request::Ticket ticket, const http::Reply& reply) {
            CHECK(replies.emplace(ticket.number, reply).second);
        });
    }
    std::string text_of(std::uint32_t ticket) {
        collect();
        const auto found = replies.find(ticket);
        return found == replies.end() ? "no answer" : found->second.text;
    }
    int status_of(std::uint32_t ticket) {
        collect();
        const auto found = replies.find(ticket);
        return found == replies.end() ? 0 : found->second.status;
    }
};

} // namespace zcomet::webnode::publish

// A broker that a test plays, and the requests that ask it.
#pragma once

#include "webnode/ask/broker.hpp"
#include "webnode/request/exchange.hpp"
#include "webnode/request/late_answers.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zcomet::webnode::ask {

class FakeBroker final : public Broker {
  public:
    struct AskedWho {
        std::uint64_t token;
        std::string what;
        std::string argument;
    };
    struct AskedHistory {
        wire::History frame; // without its ids
        std::string id;
    };

    [[nodiscard]] bool has_broker(std::string_view) const override { return is_welcomed; }
    void ask(std::string_view, const wire::Query& query) override {
        who.push_back({query.token, std::string(query.what), std::string(query.argument)});
    }
    void ask(std::string_view, const wire::History& history) override {
        AskedHistory asked{history, {}};
        CHECK(history.ids.count() == 1);
        history.ids.for_each([&](std::string_view id) { asked.id = id; });
        asked.frame.ids = {};
        histories.push_back(std::move(asked));
    }

    bool is_welcomed = true;
    std::vector<AskedWho> who;
    std::vector<AskedHistory> histories;
};

struct AskFixture {
    /// @param asker  of the route; both live longer than this.
    AskFixture(request::Route route, request::LateAnswers& answers)
        : routes({std::move(route)}, 1), late(answers) {}

    /// @return the answer that comes at once; nothing: it comes later, to this ticket.
    std::optional<http::Answer> get(const std::string& path) {
        request::Outcome outcome;
        http::Answer answer =
            routes.handle("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n", {{}, ++tickets}, outcome);
        return outcome.is_later ? std::nullopt : std::optional(std::move(answer));
    }
    void collect() {
        late.give([this](request::Ticket ticket, const http::Reply& reply) {
            CHECK(replies.emplace(ticket.number, reply).second);
        });
    }
    int status_of(std::uint32_t ticket) {
        collect();
        const auto found = replies.find(ticket);
        return found == replies.end() ? 0 : found->second.status;
    }
    std::string text_of(std::uint32_t ticket) {
        collect();
        const auto found = replies.find(ticket);
        return found == replies.end() ? "no answer" : found->second.text;
    }

    request::Routes routes;
    request::LateAnswers& late;
    std::uint32_t tickets = 0;
    std::map<std::uint32_t, http::Reply> replies; // by ticket
};

} // namespace zcomet::webnode::ask

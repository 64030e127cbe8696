// Fuzz target: what clients of Mercure send. The first byte says what the rest is: P the form of an
// update, Q the query of a subscription.
//
// A form reads back as it is written again. An update is answered once, and goes to valid ids:
// those of private updates if and only if it says so. A stream has 1 to 100 valid ids, each once,
// and without a token none of them is that of private updates.
#include "webnode/route/mercure.hpp"

#include "test/fuzz/taking_sender.hpp"
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/id.hpp"
#include "webnode/request/gate.hpp"
#include "webnode/route/form.hpp"
#include "webnode/route/message_rules.hpp"
#include "webnode/stream/stream_table.hpp"

#include <algorithm>
#include <set>
#include <string>

using namespace zcomet;
using namespace zcomet::webnode;

namespace {

bool is_of_private(std::string_view id) {
    return id.starts_with(request::kPrivatePrefix);
}

/// Looks in addition whether what is private goes to ids of its own.
class PrivacySender final : public fuzz::TakingSender {
  public:
    std::uint64_t send(std::string_view id, std::string_view text, wire::Confirm confirm,
                       std::string_view attributes) override {
        ZCOMET_ASSERT(wire::read_attributes(attributes).is_private == is_of_private(id));
        return TakingSender::send(id, text, confirm, attributes);
    }
};

std::string escaped(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out.append({'%', kDigits[byte / 16], kDigits[byte % 16]});
    }
    return out;
}

void check_form(std::string_view text) {
    const auto fields = route::read_form(text);
    if (!fields) {
        return;
    }
    ZCOMET_ASSERT(fields->size() <= route::kFormFieldsMax);
    std::string written;
    for (const route::FormField& field : *fields) {
        written.append(escaped(field.name)).append("=").append(escaped(field.value)).append("&");
    }
    const auto again = route::read_form(written);
    ZCOMET_ASSERT(again && std::equal(again->begin(), again->end(), fields->begin(), fields->end(),
                                      [](const route::FormField& a, const route::FormField& b) {
                                          return a.name == b.name && a.value == b.value;
                                      }));
}

void check_update(std::string_view form) {
    metrics::Counters<slot::WorkerCounter> counters;
    PrivacySender sender;
    publish::Publisher publisher(counters);
    publisher.use(sender);
    request::Routes routes({route::mercure_publish_route(publisher)}, 1);
    request::Outcome outcome;
    std::string request("POST /.well-known/mercure HTTP/1.1\r\nHost: h\r\n"
                        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ");
    request.append(std::to_string(form.size())).append("\r\n\r\n").append(form);
    const http::Answer answer = routes.handle(request, {}, outcome);
    ZCOMET_ASSERT(outcome.is_later == (sender.sent > 0));
    ZCOMET_ASSERT(outcome.is_later || answer.status == 400 || answer.status == 413);
    for (std::uint64_t number = 1; number <= sender.sent; ++number) {
        publisher.on_known(number, {.nodes = 1});
    }
    std::size_t answers = 0;
    publisher.answers().give([&](request::Ticket /*ticket*/, const http::Reply& reply) {
        ZCOMET_ASSERT(reply.status == 200 && !reply.text.empty() && route::is_utf8(reply.text));
        ++answers;
    });
    ZCOMET_ASSERT(answers == (outcome.is_later ? 1U : 0U));
}

void check_subscription(std::string query) {
    std::replace_if(
        query.begin(), query.end(), [](char c) { return c <= ' ' || c == 0x7F; }, '+');
    request::Routes routes({route::mercure_subscribe_route()}, 1);
    request::Outcome outcome;
    static_cast<void>(routes.handle(
        "GET /.well-known/mercure?" + query + " HTTP/1.1\r\nHost: h\r\n\r\n", {}, outcome));
    std::set<std::string> ids;
    outcome.ids.list().for_each([&ids](std::string_view id) {
        ZCOMET_ASSERT(wire::valid_id(id) && !is_of_private(id));
        ZCOMET_ASSERT(ids.emplace(id).second);
    });
    ZCOMET_ASSERT(ids.empty() == (outcome.format == nullptr));
    ZCOMET_ASSERT(ids.size() <= stream::kIdsOfStreamMax);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto [letter, text] = fuzz::lettered(data, size);
    check_form(text);
    if (letter == 'P') {
        check_update(text);
    } else if (letter == 'Q') {
        check_subscription(text);
    }
    return 0;
}

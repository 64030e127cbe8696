// Fuzz target: what backends publish by HTTP. The first byte chooses the route and the form of the
// body, which is the rest.
//
// Each request is answered once, at once or when the broker has its messages. Whatever is sent is a
// message: a valid id, text in UTF-8 that is not too long, attributes that are well formed. JSON
// keeps its value without its blanks.
#include "test/fuzz/taking_sender.hpp"
#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "webnode/route/grip.hpp"
#include "webnode/route/json_parts.hpp"
#include "webnode/route/message_rules.hpp"
#include "webnode/route/send.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>

using namespace zcomet;
using namespace zcomet::webnode;

namespace {

/// The first line of the body becomes the value of the header ce-type.
constexpr std::string_view kTypeFollows = "ce-specversion: 1.0\r\nce-id: 1\r\nce-source: s\r\n";

struct Form {
    std::string_view path;
    std::string_view headers;
};
constexpr std::array kForms{
    Form{"/send/a", ""},
    Form{"/send/a", "Content-Type: application/cloudevents+json\r\n"},
    Form{"/send/a", kTypeFollows},
    Form{"/send", ""},
    Form{"/send", "Content-Type: application/cloudevents+json\r\n"},
    Form{"/send", "Content-Type: application/cloudevents-batch+json\r\n"},
    Form{"/publish/", ""},
};

std::string request_of(const Form& form, std::string_view body) {
    std::string request("POST ");
    request.append(form.path).append(" HTTP/1.1\r\nHost: h\r\n").append(form.headers);
    if (form.headers == kTypeFollows) {
        const std::size_t end = std::min(body.find('\n'), body.size());
        request.append("ce-type: ").append(body.substr(0, end)).append("\r\n");
        body.remove_prefix(std::min(end + 1, body.size()));
    }
    request.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
    return request.append(body);
}

void check_request(const Form& form, std::string_view body) {
    metrics::Counters<slot::WorkerCounter> counters;
    fuzz::TakingSender sender;
    publish::Publisher publisher(counters);
    publisher.use(sender);
    request::Routes routes({route::send_route(publisher), route::send_many_route(publisher),
                            route::grip_route(publisher, "/publish/")},
                           1);
    request::Outcome outcome;
    static_cast<void>(routes.handle(request_of(form, body), {}, outcome));
    ZCOMET_ASSERT(outcome.is_later || sender.sent == 0);
    for (std::uint64_t number = 1; number <= sender.sent; ++number) {
        publisher.on_known(number, {.nodes = 1});
    }
    std::size_t answers = 0;
    publisher.answers().give([&](request::Ticket /*ticket*/, const http::Reply& reply) {
        ZCOMET_ASSERT(reply.status == 200);
        ++answers;
    });
    ZCOMET_ASSERT(answers == (outcome.is_later ? 1U : 0U));
    ZCOMET_ASSERT(!publisher.awaits_any());
}

void check_json(std::string_view text) {
    if (!route::cut_to_json(text)) {
        return;
    }
    const nlohmann::json json = nlohmann::json::parse(text);
    ZCOMET_ASSERT(nlohmann::json::parse(route::without_blanks(text)) == json);
    std::size_t parts = 0;
    if (json.is_array()) {
        route::for_each_value(text, [&](std::string_view value) {
            ZCOMET_ASSERT(nlohmann::json::parse(value) == json.at(parts));
            ++parts;
            return true;
        });
        ZCOMET_ASSERT(parts == json.size());
    } else if (json.is_object()) {
        route::for_each_member(text, [&](const std::string& name, std::string_view value) {
            ZCOMET_ASSERT(json.contains(name) && nlohmann::json::accept(value));
            ++parts;
        });
        ZCOMET_ASSERT(parts >= json.size()); // a name may stand there twice
    }
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view body = fuzz::text_of(data, size).substr(1);
    check_request(kForms[data[0] % kForms.size()], body);
    check_json(body);
    return 0;
}

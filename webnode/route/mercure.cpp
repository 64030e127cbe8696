#include "webnode/route/mercure.hpp"

#include "topology/base/random.hpp"
#include "topology/base/text.hpp"
#include "topology/wire/attributes.hpp"
#include "topology/wire/frames.hpp"
#include "topology/wire/numbers.hpp"
#include "webnode/format/events.hpp"
#include "webnode/route/form.hpp"
#include "webnode/route/message_rules.hpp"
#include "webnode/route/topic.hpp"
#include "webnode/route/wishes.hpp"
#include "webnode/stream/stream_table.hpp"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/escaping.h>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace zcomet::webnode::route {

namespace {

constexpr std::string_view kPath = "/.well-known/mercure";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

/// The longest message may have each byte as three.
/// @limit bytes of a request in Mercure's form
constexpr std::size_t kUpdateBytesMax = 256U << 10U;
/// Half of what a sender may have under way, as for GRIP, so that an update goes to all of its
/// topics or to none.
/// @limit bytes of an update, counted for each of its topics
constexpr std::size_t kUpdateSumMax = 128U << 10U;
/// @limit bytes of an update's id that its publisher gives
constexpr std::size_t kUpdateIdBytesMax = 255;

/// Cookies and parameters of the releases of Mercure.
constexpr std::array<std::string_view, 5> kTokenNames{"__Secure-mercure_access_token",
                                                      "mercureAccessToken", "mercureAuthorization",
                                                      "access_token", "authorization"};

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// U+0080 to U+009F in UTF-8.
bool has_c1_control(std::string_view text) {
    for (std::size_t at = text.find('\xC2'); at != std::string_view::npos;
         at = text.find('\xC2', at + 1)) {
        if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0) {
            return true;
        }
    }
    return false;
}

/// Whether it is about the hub itself, at whichever host.
bool is_of_hub(std::string_view topic) {
    const std::size_t scheme = topic.find("://");
    const std::size_t host = topic.starts_with("//") ? 2 : scheme + 3;
    if (topic.starts_with("//") || scheme != std::string_view::npos) {
        topic.remove_prefix(std::min(topic.find('/', host), topic.size()));
    }
    const std::string_view rest = topic.substr(std::min(kPath.size(), topic.size()));
    return topic.starts_with(kPath) && (rest.empty() || rest.find_first_of("/?#") == 0);
}

/// 400 as RFC 6750, section 3.1, wants it.
http::Reply bad_request(std::string_view sentence) {
    http::Reply reply = http::error_reply(400, sentence);
    reply.headers.push_back({"WWW-Authenticate", "Bearer error=\"invalid_request\""});
    return reply;
}

// --- subscribe ---

struct Subscription {
    std::vector<std::string> topics{}; ///< each once
    std::string mistake{};             ///< a sentence; empty: these are topics
};

bool begins_with_match(std::string_view name) {
    constexpr std::string_view kMatch = "match";
    return equals_ignoring_case(name.substr(0, kMatch.size()), kMatch);
}

/// Why a parameter names no topic that can be heard.
std::string why_not_heard(const FormField& field) {
    if (field.name != "topic" && field.name != "match" && field.name != "match_exact" &&
        field.name != "matchExact") {
        return "topics are matched exactly here, by match=TOPIC";
    }
    if (field.name == "topic" && field.value.find('{') != std::string::npos) {
        return "topics are matched exactly here, and not by templates";
    }
    return why_no_topic(field.value);
}

Subscription read_subscription(std::string_view query) {
    const auto fields = read_form(query);
    if (!fields) {
        return {.mistake = "the query is malformed, or has too many parameters"};
    }
    Subscription subscription;
    absl::flat_hash_set<std::string_view> seen;
    for (const FormField& field : *fields) {
        if (field.name != "topic" && !begins_with_match(field.name)) {
            continue;
        }
        subscription.mistake = why_not_heard(field);
        if (!subscription.mistake.empty()) {
            return subscription;
        }
        if (seen.insert(field.value).second) {
            subscription.topics.push_back(field.value);
        }
    }
    if (subscription.topics.empty()) {
        subscription.mistake = "a topic is wanted, as in " + std::string(kPath) + "?match=TOPIC";
    }
    return subscription;
}

/// Nobody has looked yet whether history reaches back to the client's cursor. "earliest" promises
/// nothing; the stream itself tells of a gap.
std::vector<http::Reply::Header> headers_of_resume(const http::Request& request) {
    constexpr const char* kEarliest = "earliest";
    const bool has_cursor = !request.header("Last-Event-ID").empty() ||
                            !request.parameter("lastEventID").empty() ||
                            !request.parameter("last_event_id").empty();
    return has_cursor ? std::vector<http::Reply::Header>{{"Last-Event-ID", kEarliest},
                                                         {"Mercure-Last-Event-ID", kEarliest}}
                      : std::vector<http::Reply::Header>();
}

void subscribe(request::Exchange& exchange) {
    const Subscription subscription = read_subscription(exchange.request().query);
    if (!subscription.mistake.empty()) {
        exchange.answer(bad_request(subscription.mistake));
        return;
    }
    wire::OwnedIds ids;
    for (const std::string& topic : subscription.topics) {
        const std::string id = id_of_topic(topic);
        if (!exchange.may_listen_to_topic(topic, id)) {
            exchange.answer_other_id();
            return;
        }
        ids.add(id);
        if (exchange.may_listen_privately(topic)) {
            ids.add(private_id_of_topic(topic));
        }
    }
    if (ids.count() > stream::kIdsOfStreamMax) {
        exchange.answer(bad_request("a stream has at most " +
                                    std::to_string(stream::kIdsOfStreamMax) +
                                    " topics; one that the token names counts twice"));
        return;
    }
    exchange.open_allowed(format::events_format(), std::move(ids),
                          headers_of_resume(exchange.request()));
}

// --- publish ---

struct Update {
    std::vector<std::string> topics; ///< each once
    std::string data;
    std::string type;
    std::string id; ///< as its publisher calls it; empty: it does not
    bool is_private = false;
};

/// @return a sentence; empty: the field is as it should be, or unknown.
std::string read_field(FormField& field, Update& update) {
    if (field.name == "topic") {
        const auto& topics = update.topics;
        if (std::find(topics.begin(), topics.end(), field.value) == topics.end()) {
            update.topics.push_back(field.value);
        }
        return why_no_topic(field.value);
    }
    if (field.name == "data") {
        update.data = std::move(field.value);
    } else if (field.name == "private") {
        update.is_private = true;
    } else if (field.name == "type") {
        update.type = std::move(field.value);
        return update.type == "mercure" ? "the type \"mercure\" is the hub's own" : "";
    } else if (field.name == "id") {
        update.id = std::move(field.value);
        const bool is_good = update.id.size() <= kUpdateIdBytesMax && is_utf8(update.id) &&
                             std::none_of(update.id.begin(), update.id.end(), is_control) &&
                             !update.id.starts_with('#') && update.id != "earliest";
        return is_good ? ""
                       : "an id is a line of at most 255 bytes, does not begin with \"#\", and "
                         "is not \"earliest\"";
    } else if (field.name == "retry" && !std::all_of(field.value.begin(), field.value.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; })) {
        return "\"retry\" has digits only";
    }
    return {};
}

std::variant<Update, Mistake> read_update(const http::Request& request) {
    const std::string_view type = request.header("Content-Type");
    if (!equals_ignoring_case(type.substr(0, kFormType.size()), kFormType)) {
        return Mistake{.sentence = "the body is a form, " + std::string(kFormType)};
    }
    auto fields = read_form(request.body);
    if (!fields) {
        return Mistake{.sentence = "the form is malformed, or has more than 256 fields"};
    }
    Update update;
    for (FormField& field : *fields) {
        if (std::string mistake = read_field(field, update); !mistake.empty()) {
            return Mistake{.sentence = std::move(mistake)};
        }
    }
    if (update.topics.empty() || update.topics.size() > stream::kIdsOfStreamMax) {
        return Mistake{.sentence = "an update has a topic, and at most " +
                                   std::to_string(stream::kIdsOfStreamMax)};
    }
    return update;
}

MessageOrMistake message_of(Update update) {
    std::vector<std::string> ids;
    ids.reserve(update.topics.size());
    std::size_t bytes = 0;
    for (const std::string& topic : update.topics) {
        ids.push_back(update.is_private ? private_id_of_topic(topic) : id_of_topic(topic));
        bytes += update.data.size() + update.type.size() + ids.back().size();
    }
    auto made = make_message(std::move(ids), std::move(update.data), update.type);
    if (auto* const mistake = std::get_if<Mistake>(&made)) {
        mistake->status = mistake->status == 415 ? 400 : mistake->status;
        return made;
    }
    if (update.topics.size() > 1 && bytes > kUpdateSumMax) {
        return Mistake{413, "an update has at most 131072 bytes, counted for each of its topics"};
    }
    std::get<publish::Publication>(made).attributes =
        wire::encode({.event = update.type, .is_private = update.is_private});
    return made;
}

/// A random one (RFC 9562, version 4).
std::string new_update_id() {
    constexpr std::uint64_t kOfVersion = 0xFFFF'FFFF'FFFF'0FFFU;
    constexpr std::uint64_t kVersion = 0x4000U;
    constexpr unsigned kVariantBits = 2;
    constexpr std::uint64_t kVariant = 1ULL << 63U;
    std::string bytes;
    wire::append(bytes, (random_u64() & kOfVersion) | kVersion);
    wire::append(bytes, (random_u64() >> kVariantBits) | kVariant);
    std::string uuid = absl::BytesToHexString(bytes);
    constexpr std::array<std::size_t, 4> kDashes{20, 16, 12, 8};
    for (const std::size_t at : kDashes) {
        uuid.insert(at, 1, '-');
    }
    return "urn:uuid:" + uuid;
}

void publish_update(request::Exchange& exchange, publish::Publisher& publisher) {
    wire::Confirm confirm{};
    if (auto refusal = read_wishes(exchange.request(), confirm)) {
        exchange.answer(std::move(*refusal));
        return;
    }
    auto read = read_update(exchange.request());
    if (const auto* mistake = std::get_if<Mistake>(&read)) {
        exchange.answer(bad_request(mistake->sentence));
        return;
    }
    Update& update = std::get<Update>(read);
    for (const std::string& topic : update.topics) {
        if (!exchange.may_publish_to_topic(topic, id_of_topic(topic))) {
            exchange.answer_other_id();
            return;
        }
    }
    http::Reply done;
    done.text = update.id.empty() ? new_update_id() : update.id;
    auto made = message_of(std::move(update));
    if (const auto* mistake = std::get_if<Mistake>(&made)) {
        exchange.answer(mistake->status == 400
                            ? bad_request(mistake->sentence)
                            : http::error_reply(mistake->status, mistake->sentence));
        return;
    }
    std::vector<publish::Publication> messages{std::get<publish::Publication>(std::move(made))};
    give_keys(messages, idempotency_key(exchange.request()));
    publisher.publish_together(exchange, std::move(messages), confirm, std::move(done),
                               {.is_allowed = true, .tells_cursor = true});
}

} // namespace

std::string why_no_topic(std::string_view topic) {
    if (topic.empty() || topic.size() > kTopicBytesMax) {
        return "a topic has 1 to " + std::to_string(kTopicBytesMax) + " bytes";
    }
    if (topic == "*") {
        return "the topic \"*\" stands for all in tokens, and is none itself";
    }
    if (!is_utf8(topic) || std::any_of(topic.begin(), topic.end(), is_control) ||
        has_c1_control(topic)) {
        return "a topic is UTF-8 without control characters";
    }
    return is_of_hub(topic) ? "topics below " + std::string(kPath) + " are the hub's own" : "";
}

request::Route mercure_subscribe_route() {
    return {.pattern = {.method = "GET", .path = kPath},
            .serve = subscribe,
            .knows_private = true,
            .token_names = kTokenNames};
}

request::Route mercure_publish_route(publish::Publisher& publisher) {
    return {
        .pattern = {.method = "POST", .path = kPath, .body_bytes_max = kUpdateBytesMax},
        .serve = [&publisher](request::Exchange& exchange) { publish_update(exchange, publisher); },
        .token_names = kTokenNames};
}

} // namespace zcomet::webnode::route

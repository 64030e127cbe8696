// Mercure (https://mercure.rocks/spec), with exact topics: /.well-known/mercure
//
//     GET  ?match=TOPIC&match=TOPIC…      server-sent events; "topic" is the older name
//     POST topic=TOPIC&data=TEXT…         a form; other fields: private, type, id, retry
//
// A topic has an id (topic.hpp). A private update goes to another id, which only those streams have
// whose token names the topic. An update's id is its cursor if it is kept.
#pragma once

#include "webnode/publish/publisher.hpp"
#include "webnode/request/exchange.hpp"

#include <string>
#include <string_view>

namespace zcomet::webnode::route {

/// Names of topics are often URLs.
/// @limit bytes of a topic of Mercure
inline constexpr std::size_t kTopicBytesMax = 1024;

/// Why a text is no topic to which one can publish or listen.   @return a sentence; empty: it is.
[[nodiscard]] std::string why_no_topic(std::string_view topic);

/// GET: a stream of the topics that the query names: 1 to stream::kIdsOfStreamMax, of which those
/// that the token names count twice.
[[nodiscard]] request::Route mercure_subscribe_route();

/// POST: 200 and the id of the update once the broker has it.
/// @param publisher  lives longer than the route.
[[nodiscard]] request::Route mercure_publish_route(publish::Publisher& publisher);

} // namespace zcomet::webnode::route

// CloudEvents 1.0 that backends publish at POST /send/<id> and POST /send.
// Source:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
//
//     structured  Content-Type: application/cloudevents+json; the body is an event as JSON
//     batch       Content-Type: application/cloudevents-batch+json; the body is a list of such
//     binary      ce-specversion and other headers; the body is the data
//
// An event's data is the message: a string as it is, other JSON without its blanks, base64 as the
// bytes that it stands for. Its type names the message's event, and its subject the id, unless the
// path does. By its source and its id the broker knows it if it comes again.
#pragma once

#include "webnode/publish/publisher.hpp"

#include <string_view>

namespace zcomet::webnode::route {

[[nodiscard]] bool has_cloud_events(const http::Request& request);

/// Answers the exchange, whose request has CloudEvents: one as POST /send/<id> does, a batch as
/// POST /send does its lines.
/// @param id  of the path, perhaps not valid; empty: the events name theirs.
void publish_cloud_events(request::Exchange& exchange, publish::Publisher& publisher,
                          wire::Confirm confirm, std::string_view id);

} // namespace zcomet::webnode::route

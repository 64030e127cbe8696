#include "webnode/request/web_front.hpp"

#include "topology/wire/id.hpp"

#include <utility>

namespace zcomet::webnode::request {

namespace {

/// The head of a comet stream. A GET opens the stream, which `answer` then says.
http::Reply open_comet_stream(const http::Request& request, Answer& answer) {
    const std::string_view id = request.rest;
    if (!wire::valid_id(id)) {
        return http::error_reply(400, wire::why_invalid_id(id));
    }
    if (request.method == "GET") {
        answer.id = id;
        answer.chunked = !request.is_http_1_0();
    }
    http::Reply reply;
    reply.type = "text/html; charset=utf-8";
    reply.headers = {{"Cache-Control", "no-store"},
                     {"X-Accel-Buffering", "no"}}; // nginx and others then pass chunks on at once
    reply.body = request.is_http_1_0() ? http::Reply::Body::kBare : http::Reply::Body::kChunked;
    return reply;
}

} // namespace

WebFront::WebFront() : front_({{.method = "GET", .path = "/test/*", .has_constant_head = true}}) {}

Answer WebFront::handle(std::string_view whole_request) {
    Answer answer;
    http::Answer given =
        front_.handle(whole_request, [&answer](std::size_t, const http::Request& request) {
            return open_comet_stream(request, answer);
        });
    answer.bytes = std::move(given.bytes);
    answer.status = given.status;
    answer.next = !answer.id.empty()       ? Answer::Next::kPark
                  : given.keeps_connection ? Answer::Next::kKeepAlive
                                           : Answer::Next::kClose;
    return answer;
}

} // namespace zcomet::webnode::request

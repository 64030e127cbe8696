// cpp-httplib without its sockets and threads: whole requests in, answers out. Parsing, routing and
// formatting are the library's; connections are the worker's.
#pragma once

#include "topology/http/httplib_server.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::webnode::request {

/// What to write, and what becomes of the connection once it is written.
struct Answer {
    enum class Next : std::uint8_t {
        kClose,
        kKeepAlive, ///< the next request may follow, and may be in the buffer already
        kPark,      ///< `bytes` is the head of a stream, which now belongs to `id`
    };
    std::string bytes;
    Next next = Next::kClose;
    int status = 0;
    /// kPark: a valid id.
    std::string id;
    /// kPark: messages go out in chunked framing; otherwise bare, and the end of the connection is
    /// the end of the body (HTTP/1.0).
    bool chunked = false;
};

/// Who asks, for routes that want to know. May be left empty.
struct PeerAddress {
    std::string_view host;
    int port = -1;
};

/// Ordinary routes are added with the library's own Get() and Post(), before the first request.
/// `GET` and `HEAD /test/<id>` are here already.
/// Thread: the worker's loop only. Nothing is kept from one request to the next.
class HttpFront : private http::HttplibServer {
  public:
    HttpFront();

    using httplib::Server::Get;
    using httplib::Server::Post;

    /// Answers one request.
    /// @param whole_request  what RequestReader found complete, exactly; borrowed until return.
    /// Errors: none thrown. Bytes that are no request are answered with 400 and kClose, a method
    /// other than GET, HEAD and POST with 501, a handler that throws with 500.
    /// Cost: about 4 µs for a GET, a tenth of that for one that plainly opens a stream.
    [[nodiscard]] Answer handle(std::string_view whole_request, const PeerAddress& peer = {});

  private:
    [[nodiscard]] Answer open_plain_stream(std::string_view id);
    [[nodiscard]] Answer ask_library(std::string_view whole_request, const PeerAddress& peer);
    [[nodiscard]] HandlerResponse route_first(const httplib::Request& request,
                                              httplib::Response& response);
    void open_stream(const httplib::Request& request, httplib::Response& response);
    void finish_head(const httplib::Request& request, httplib::Response& response);

    Answer answer_;                 // being made by handle()
    std::string request_;           // as the library sees it
    std::string plain_stream_head_; // what the library answers to those; empty until asked
};

/// The answer to a request that never became whole: a status from RequestReader, 408 past the
/// deadline, 503 when there is no room. Short plain text, `Connection: close`.
[[nodiscard]] std::string error_answer(int status);

} // namespace zcomet::webnode::request

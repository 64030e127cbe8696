// What a web node answers: its routes over the general HTTP front.
#pragma once

#include "topology/http/http_front.hpp"

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

/// Thread: the worker's loop only. Nothing is kept from one request to the next.
class WebFront {
  public:
    WebFront();

    /// As http::HttpFront::handle(). `GET` and `HEAD /test/<id>` are the routes.
    [[nodiscard]] Answer handle(std::string_view whole_request);

  private:
    http::HttpFront front_;
};

} // namespace zcomet::webnode::request

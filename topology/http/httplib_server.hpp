// cpp-httplib's Server for requests that are in memory already, the same for each release of the
// library: Debian 12 has 0.11, Debian 13 has 0.18.
#pragma once

#include <httplib.h>

namespace zcomet::http {

/// A httplib::Server without sockets and threads.
class HttplibServer : public httplib::Server {
  protected:
    /// Answers one request by the routes and handlers that were set. Whether the connection stays
    /// open is for the caller to decide.
    /// @param stream  the request is read from it, the answer written to it; it is asked for the
    /// addresses of both ends.
    /// Errors: bytes that are not a request are answered with 400, or with nothing at all.
    /// Thread: one at a time.
    void answer_from(httplib::Stream& stream);
};

} // namespace zcomet::http

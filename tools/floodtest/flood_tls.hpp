// TLS of a load test's streams, by OpenSSL alone: the other end of what is measured shares nothing
// with it.
#pragma once

#include "topology/base/result.hpp"
#include "topology/tls/openssl.hpp"

#include <string>
#include <utility>

namespace zcomet::tools::floodtest {

/// Thread: one at a time.
class FloodTls {
  public:
    /// @param ca_file  PEM; whose certificates are trusted; empty: servers may have any.
    /// @param host     of the URL: it is asked for, and looked for in the certificate.
    /// Errors: the file cannot be used.
    [[nodiscard]] static Result<FloodTls> make(const std::string& ca_file, std::string host);

    /// A client on a non-blocking socket, which it does not own.
    [[nodiscard]] tls::Owned<SSL> connect(int fd) const;

    /// Whether an operation with this result is to be tried again when the socket is ready.
    [[nodiscard]] static bool is_waiting(const SSL* ssl, int result);
    /// Why it failed: an errno; 0: the other side has ended the connection. Empties OpenSSL's
    /// queue.
    [[nodiscard]] static int error_of(const SSL* ssl, int result);

  private:
    FloodTls(tls::Owned<SSL_CTX> context, std::string host)
        : context_(std::move(context)), host_(std::move(host)) {}

    tls::Owned<SSL_CTX> context_;
    std::string host_;
};

} // namespace zcomet::tools::floodtest

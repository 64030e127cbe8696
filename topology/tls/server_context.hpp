// What all TLS connections of a port share: certificates, protocol versions and ciphers, session
// tickets. Contexts are made anew when certificates change; a connection keeps the one that it
// began with.
#pragma once

#include "topology/base/result.hpp"
#include "topology/tls/certificates.hpp"
#include "topology/tls/openssl.hpp"
#include "topology/tls/ticket_keys.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zcomet::tls {

/// What is wrong with a certificate or its key: the rest of a sentence that names the file.
struct Flaw {
    bool is_in_key = false;
    std::string text;
};
/// @return nothing: it can be used.
[[nodiscard]] std::optional<Flaw> why_not_usable(const Certificate& certificate);

/// Thread: one at a time.
class ServerContext {
  public:
    /// @param certificates  the first is for clients that name no host, and for hosts that no other
    ///     has the name of; at least one.
    /// @param tickets  live longer than all connections.
    /// Errors: as why_not_usable().
    [[nodiscard]] static Result<std::shared_ptr<const ServerContext>>
    make(const std::vector<Certificate>& certificates, std::shared_ptr<TicketKeys> tickets);

    ServerContext(const ServerContext&) = delete;
    ServerContext& operator=(const ServerContext&) = delete;
    ~ServerContext() = default;

    /// Of the first certificate. The others take its place by the name that a client asks for.
    [[nodiscard]] SSL_CTX* first() const { return contexts_.front().get(); }
    [[nodiscard]] TicketKeys& tickets() const { return *tickets_; }
    /// The context whose certificate has that name; nullptr: none has.
    [[nodiscard]] SSL_CTX* find(const char* host) const;

    /// Whether OpenSSL tells the secrets of connections to Handshake::take_secret() from now on. It
    /// begins to by itself when a server's Finished is sent.
    static void tell_secrets(SSL* ssl, bool tells);

  private:
    explicit ServerContext(std::shared_ptr<TicketKeys> tickets) : tickets_(std::move(tickets)) {}

    std::vector<Owned<SSL_CTX>> contexts_;
    std::shared_ptr<TicketKeys> tickets_;
};

} // namespace zcomet::tls

// The server's side of one TLS handshake, by OpenSSL, over memory. It lives as long as the
// handshake does: then Records go on with what was agreed on, and all that OpenSSL keeps for a
// connection is freed.
//
// OpenSSL gives the secrets of TLS 1.3 to whoever logs keys (SSL_CTX_set_keylog_callback()), and
// the master secret of TLS 1.2 with the session. Each secret is formatted for a log, which takes
// time, so they are asked for only while those that are needed come: the server's after its
// Finished, and the client's with the client's Finished.
#pragma once

#include "topology/tls/openssl.hpp"
#include "topology/tls/records.hpp"
#include "topology/tls/server_context.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace zcomet::tls {

/// Thread: one at a time.
class Handshake {
  public:
    explicit Handshake(std::shared_ptr<const ServerContext> context);
    Handshake(const Handshake&) = delete;
    Handshake& operator=(const Handshake&) = delete;
    ~Handshake();

    enum class State : std::uint8_t { kUnderWay, kDone, kFailed };
    struct Step {
        State state = State::kUnderWay;
        std::size_t used = 0; ///< bytes of the client; the rest is for Records
    };
    /// Goes on with what the client has sent.
    /// @param records  whole ones: OpenSSL would keep the beginning of one, and 16 KiB for it.
    /// @param out      what must be sent is appended, also if it failed.
    /// Cost: 0.2 ms, if the key of the certificate is on P-256.
    [[nodiscard]] Step go_on(std::string_view records, std::string& out);

    /// After kDone.
    [[nodiscard]] const Records& records() const { return records_; }
    [[nodiscard]] bool is_resumed() const { return is_resumed_; }
    /// After kFailed, in words of OpenSSL.
    [[nodiscard]] const std::string& failure() const { return failure_; }

    /// For the callbacks of ServerContext.
    [[nodiscard]] static Handshake& of(const SSL* ssl);
    [[nodiscard]] const ServerContext& context() const { return *context_; }
    /// "LABEL RANDOM SECRET", as SSL_CTX_set_keylog_callback(3) has it.
    void take_secret(std::string_view line);

    /// What a handshake takes while it waits for the client, by mallinfo2(3).
    static constexpr std::size_t kBytes = 32'768;

  private:
    /// What the BIO reads and writes.
    struct Wire {
        std::string_view in;
        std::string* out = nullptr;
    };
    [[nodiscard]] static const BIO_METHOD* wire_method();
    [[nodiscard]] bool agree(std::string_view last_output);
    void agree_12(Agreed& agreed);

    std::shared_ptr<const ServerContext> context_;
    Wire wire_;
    Secret client_secret_{};
    Secret server_secret_{};
    Records records_;
    bool has_server_secret_ = false;
    bool is_resumed_ = false;
    std::string failure_;
    Owned<SSL> ssl_; // before all that it refers to
};

} // namespace zcomet::tls

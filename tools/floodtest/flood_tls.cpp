#include "tools/floodtest/flood_tls.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace zcomet::tools::floodtest {

namespace {

bool is_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

} // namespace

Result<FloodTls> FloodTls::make(const std::string& ca_file, std::string host) {
    tls::Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
    ZCOMET_ASSERT(context != nullptr);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    if (!ca_file.empty()) {
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
        if (::access(ca_file.c_str(), R_OK) != 0) { // OpenSSL would not say why
            return Error{in_quotes(ca_file) + " cannot be read: " + std::strerror(errno)};
        }
        if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1) {
            return Error{in_quotes(ca_file) + " has no certificates in PEM: " + tls::take_error()};
        }
    }
    return FloodTls(std::move(context), std::move(host));
}

tls::Owned<SSL> FloodTls::connect(int fd) const {
    tls::Owned<SSL> ssl(SSL_new(context_.get()));
    ZCOMET_ASSERT(ssl != nullptr && SSL_set_fd(ssl.get(), fd) == 1);
    if (is_address(host_)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host_.c_str());
    } else {
        std::string name = host_;
        // As SSL_set_tlsext_host_name(), which is a macro with a cast of C.
        SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
        SSL_set1_host(ssl.get(), host_.c_str());
    }
    SSL_set_connect_state(ssl.get());
    return ssl;
}

bool FloodTls::is_waiting(const SSL* ssl, int result) {
    const int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

int FloodTls::error_of(const SSL* ssl, int result) {
    const int system_error = errno;
    const int error = SSL_get_error(ssl, result);
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return system_error;
    default:
        return EPROTO;
    }
}

} // namespace zcomet::tools::floodtest

// zcomet-ctl token: makes a token, for trying.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace zcomet::tools::ctl {

struct TokenOptions {
    std::string key_file; ///< can sign: a secret, a private key in PEM, or a set with a secret
    std::string kid;      ///< of the key in a set; empty: the first that can sign
    std::string subject;
    std::vector<std::string> ids;     ///< patterns
    std::vector<std::string> publish; ///< patterns
    std::vector<std::string> topics;  ///< of Mercure, to listen to; "*": all
    std::vector<std::string> publish_topics;
    std::chrono::seconds life = std::chrono::hours(1);
    std::string issuer;
    std::vector<std::string> audience;
    bool json = false;
};

/// Prints the token, a line. Asks no broker.
/// Throws program::Misconfigured if the file has no key that can sign, or the token says nothing.
void ctl_token(const TokenOptions& options);

} // namespace zcomet::tools::ctl

#include "topology/link/peer_key.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/keys/curve_text.hpp"
#include "topology/keys/key_file.hpp"

#include <cstdlib>

namespace zcomet::link {

std::string key_file_or_environment(const std::string& given) {
    const char* const named = std::getenv(kKeyVariable);
    return given.empty() && named != nullptr ? std::string(named) : given;
}

Result<std::string> read_peer_key(const std::string& path) {
    if (path.empty()) {
        return std::string();
    }
    const Result<keys::KeyFile> file = keys::read_secret_key_file(path);
    if (!file.ok()) {
        return file.error();
    }
    const keys::KeyFile& key = file.value();
    if (key.brokers.empty()) {
        return Error{in_quotes(path) + " names no broker; zcomet-ctl keys new makes one that does"};
    }
    if (!is_pair({key.public_key, key.secret})) {
        return Error{in_quotes(path) + ": the public and the secret key do not belong together"};
    }
    return key.public_key + key.secret + key.brokers.front().public_key;
}

Security security_of_peer(const std::string& key) {
    if (key.empty()) {
        return {};
    }
    constexpr std::size_t kText = keys::kCurveTextBytes;
    ZCOMET_ASSERT(key.size() == 3 * kText);
    return Security::of_peer({key.substr(0, kText), key.substr(kText, kText)},
                             key.substr(2 * kText));
}

} // namespace zcomet::link

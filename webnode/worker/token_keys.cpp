#include "webnode/worker/token_keys.hpp"

#include "topology/auth/base64url.hpp"
#include "topology/auth/key_file.hpp"
#include "topology/base/small_file.hpp"
#include "topology/base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace zcomet::webnode::worker {

Result<std::string> read_token_keys(const std::vector<std::string>& files) {
    std::string word;
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const std::string& path : files) {
        const auto file = read_small_file(path, auth::kKeyFileBytesMax);
        if (!file.ok()) {
            return file.error();
        }
        const auto keys = auth::read_keys(file.value().text);
        if (!keys.ok()) {
            return Error{in_quotes(path) + " has no keys for tokens: " + keys.error().text};
        }
        const bool has_secret = std::any_of(keys.value().begin(), keys.value().end(),
                                            [](const auth::Key& key) { return key.can_sign(); });
        if (has_secret && file.value().is_open_to_others) {
            return Error{in_quotes(path) +
                         " has a secret that others may read: chmod 600 makes it yours alone"};
        }
        count += keys.value().size();
        bytes += file.value().text.size();
        word.append(word.empty() ? "" : " ").append(auth::to_base64url(file.value().text));
    }
    if (count > auth::kKeysMax || bytes > auth::kKeyFileBytesMax) {
        return Error{"--token-keys: all files together have at most " +
                     std::to_string(auth::kKeysMax) + " keys and " +
                     std::to_string(auth::kKeyFileBytesMax) + " bytes"};
    }
    return word;
}

std::vector<auth::Key> keys_of(const std::string& word) {
    std::vector<auth::Key> keys;
    for (std::string_view rest = word; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        const auto text = auth::from_base64url(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        auto read = auth::read_keys(text.value_or(std::string()));
        if (read.ok()) {
            keys.insert(keys.end(), read.value().begin(), read.value().end());
        }
    }
    return keys;
}

} // namespace zcomet::webnode::worker

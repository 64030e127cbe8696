#include "topology/tls/certificates.hpp"

#include "topology/base/small_file.hpp"
#include "topology/base/text.hpp"
#include "topology/tls/server_context.hpp"

#include <algorithm>
#include <string_view>

namespace zcomet::tls {

namespace {

/// Between texts. PEM files are printable.
constexpr char kSeparator = '\x1F';

Result<std::string> read_text(const std::string& path, bool is_secret) {
    auto file = read_small_file(path, kFilesBytesMax);
    if (!file.ok()) {
        return file.error();
    }
    const std::string& text = file.value().text;
    if (text.find(kSeparator) != std::string::npos || text.find('\0') != std::string::npos) {
        return Error{in_quotes(path) + " is not in PEM, which is text"};
    }
    if (is_secret && file.value().is_open_to_others) {
        return Error{in_quotes(path) +
                     " has a secret that others may read: chmod 600 makes it yours alone"};
    }
    return std::move(file.value().text);
}

} // namespace

Result<std::string> read_certificates(const std::vector<std::string>& chain_files,
                                      const std::vector<std::string>& key_files) {
    if (chain_files.size() != key_files.size()) {
        return Error{"--tls-cert and --tls-key belong together, pair by pair: there are " +
                     std::to_string(chain_files.size()) + " of one and " +
                     std::to_string(key_files.size()) + " of the other"};
    }
    std::string texts;
    for (std::size_t i = 0; i < chain_files.size(); ++i) {
        auto chain = read_text(chain_files[i], false);
        if (!chain.ok()) {
            return chain.error();
        }
        auto key = read_text(key_files[i], true);
        if (!key.ok()) {
            return key.error();
        }
        const Certificate certificate{std::move(chain).value(), std::move(key).value()};
        const auto flaw = why_not_usable(certificate);
        if (flaw) {
            const std::string& path = flaw->is_in_key ? key_files[i] : chain_files[i];
            return Error{in_quotes(path) + " " + flaw->text};
        }
        texts.append(texts.empty() ? std::string() : std::string(1, kSeparator));
        texts.append(certificate.chain).append(1, kSeparator).append(certificate.key);
    }
    if (chain_files.size() > kCertificatesMax || texts.size() > kFilesBytesMax) {
        return Error{"--tls-cert: there are at most " + std::to_string(kCertificatesMax) +
                     " certificates, of " + std::to_string(kFilesBytesMax) +
                     " bytes together with their keys"};
    }
    return texts;
}

std::vector<Certificate> certificates_of(const std::string& texts) {
    std::vector<Certificate> certificates;
    std::string_view rest = texts;
    const auto take = [&rest] {
        const std::size_t end = std::min(rest.find(kSeparator), rest.size());
        std::string text(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return text;
    };
    while (!rest.empty()) {
        Certificate& certificate = certificates.emplace_back();
        certificate.chain = take();
        certificate.key = take();
    }
    return certificates;
}

} // namespace zcomet::tls

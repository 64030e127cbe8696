// Certificates and their keys, from files in PEM.
#pragma once

#include "topology/base/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace zcomet::tls {

/// A chain has three certificates or so, each of 2 KB.
/// @limit bytes of all files with TLS certificates and keys
inline constexpr std::size_t kFilesBytesMax = 196'608;
/// @limit TLS certificates of a web node
inline constexpr std::size_t kCertificatesMax = 32;

/// Two texts in PEM: a certificate with the chain that was given with it, and its key.
struct Certificate {
    std::string chain;
    std::string key;
};

/// Reads the files, pair by pair, and checks that they can be used.
/// @return their texts in one string without a zero byte, for certificates_of(); empty: no files.
/// Errors: one sentence that names the file: it cannot be read, it is no PEM, the key is another
/// certificate's, wants a passphrase, or may be read by others.
[[nodiscard]] Result<std::string> read_certificates(const std::vector<std::string>& chain_files,
                                                    const std::vector<std::string>& key_files);

/// What read_certificates() returned, as it was.
[[nodiscard]] std::vector<Certificate> certificates_of(const std::string& texts);

} // namespace zcomet::tls

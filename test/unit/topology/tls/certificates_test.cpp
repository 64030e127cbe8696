// Goal: certificate files that cannot be used are refused in words that name the file; good ones
// pass through the string that workers get.
#include "test/support/files.hpp"
#include "test/unit/topology/tls/tls_client.hpp"
#include "topology/tls/certificates.hpp"
#include "topology/tls/server_context.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <string>
#include <vector>

namespace tls_certificates_test {

using namespace zcomet;
using namespace zcomet::tls;
using Catch::Matchers::Contains;

namespace {

struct Files {
    std::string secret(const std::string& name, const std::string& text) const {
        const std::string path = folder.write(name, text);
        REQUIRE(::chmod(path.c_str(), 0600) == 0);
        return path;
    }
    test::TemporaryFolder folder;
};

std::string complaint(const std::vector<std::string>& chains,
                      const std::vector<std::string>& keys) {
    const auto read = read_certificates(chains, keys);
    return read.ok() ? std::string() : read.error().text;
}

} // namespace

TEST_CASE("several certificates pass through one string", "[tls]") {
    const Files files;
    const Certificate a = make_certificate("a.example");
    const Certificate b = make_certificate("b.example");
    const auto read =
        read_certificates({files.secret("a.pem", a.chain), files.secret("b.pem", b.chain)},
                          {files.secret("a.key", a.key), files.secret("b.key", b.key)});
    REQUIRE(read.ok());
    const std::vector<Certificate> again = certificates_of(read.value());
    REQUIRE(again.size() == 2);
    CHECK(again[0].chain == a.chain);
    CHECK(again[1].key == b.key);
    CHECK(read_certificates({}, {}).value().empty());
    CHECK(certificates_of("").empty());
}

TEST_CASE("a certificate and its key may be in one file, with a chain behind it", "[tls]") {
    const Files files;
    const Certificate a = make_certificate("a.example");
    const Certificate issuer = make_certificate("issuer.example");
    const std::string both = files.secret("both.pem", a.chain + issuer.chain + a.key);
    CHECK(complaint({both}, {both}).empty());
}

TEST_CASE("files that cannot be used are refused by name", "[tls]") {
    const Files files;
    const Certificate a = make_certificate("a.example");
    const Certificate b = make_certificate("b.example");
    const std::string chain = files.secret("chain.pem", a.chain);
    const std::string key = files.secret("key.pem", a.key);
    const std::string other = files.secret("other.pem", b.key);
    const std::string none = files.secret("none.pem", "nothing");
    CHECK(complaint({chain}, {key}).empty());
    CHECK_THAT(complaint({chain}, {}), Contains("belong together") && Contains("1 of one"));
    CHECK_THAT(complaint({files.folder.path("missing")}, {key}),
               Contains("missing") && Contains("No such file"));
    CHECK_THAT(complaint({none}, {key}), Contains("none.pem") && Contains("has no certificate"));
    CHECK_THAT(complaint({chain}, {none}), Contains("none.pem") && Contains("has no private key"));
    CHECK_THAT(complaint({chain}, {other}),
               Contains("other.pem") && Contains("is not the key of its certificate"));
    CHECK_THAT(complaint({files.secret("binary.pem", a.chain + '\x1F')}, {key}),
               Contains("is not in PEM"));
    const std::string broken =
        a.chain + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    CHECK_THAT(complaint({files.secret("broken.pem", broken)}, {key}), Contains("broken.pem"));
    REQUIRE(::chmod(key.c_str(), 0644) == 0);
    CHECK_THAT(complaint({chain}, {key}), Contains("key.pem") && Contains("chmod 600"));
}

TEST_CASE("a key that wants a passphrase is refused", "[tls]") {
    const Files files;
    const Certificate a = make_certificate("a.example");
    const Owned<BIO> in(BIO_new_mem_buf(a.key.data(), static_cast<int>(a.key.size())));
    const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    const std::string phrase = "phrase";
    REQUIRE(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), bytes_of(phrase),
                                     static_cast<int>(phrase.size()), nullptr, nullptr) == 1);
    const std::string path = files.secret("locked.pem", test_tls::text_of(out.get()));
    CHECK_THAT(complaint({files.secret("a.pem", a.chain)}, {path}),
               Contains("locked.pem") && Contains("passphrase"));
}

} // namespace tls_certificates_test

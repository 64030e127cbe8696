// SHA-256 against the examples of FIPS 180-4.
#include "test/unit/topology/wire/hex.hpp"
#include "topology/crypto/sha256.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace sha256_test {

using namespace zcomet;

namespace {

std::string digest_of(std::string_view text) {
    const auto digest = crypto::sha256(text);
    return {digest.data(), digest.size()};
}

} // namespace

TEST_CASE("the digests of known texts", "[sha256]") {
    CHECK(digest_of("") == test::from_hex("e3b0c442 98fc1c14 9afbf4c8 996fb924 "
                                          "27ae41e4 649b934c a495991b 7852b855"));
    CHECK(digest_of("abc") == test::from_hex("ba7816bf 8f01cfea 414140de 5dae2223 "
                                             "b00361a3 96177a9c b410ff61 f20015ad"));
    CHECK(
        digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        test::from_hex("248d6a61 d20638b8 e5c02693 0c3e6039 a33ce459 64ff2167 f6ecedd4 19db06c1"));
}

} // namespace sha256_test

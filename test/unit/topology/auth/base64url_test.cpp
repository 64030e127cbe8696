#include "topology/auth/base64url.hpp"

#include <catch2/catch.hpp>

namespace base64url_test {

using namespace zcomet;

TEST_CASE("base64url comes back as the same bytes", "[auth]") {
    for (const std::string& bytes : {std::string(), std::string("f"), std::string("fo"),
                                     std::string("foo"), std::string("\xff\xfe\0\x01", 4)}) {
        CHECK(auth::from_base64url(auth::to_base64url(bytes)) == bytes);
    }
    CHECK(auth::to_base64url("\xff\xff\xfe") == "___-"); // RFC 4648's "+" and "/" are other letters
}

TEST_CASE("each text has one base64url, and nothing else is one", "[auth]") {
    for (const char* const text : {"Zg==", "Zg=", "Z", "Zh", "Zm9=", "a+b/", "Zm 9v", "Zm9v\n",
                                   "\xc3\xa4", "Zm9v.", "Zg==Zg=="}) {
        CAPTURE(text);
        CHECK_FALSE(auth::from_base64url(text));
    }
}

} // namespace base64url_test

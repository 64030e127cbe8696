#include "topology/keys/curve_text.hpp"

#include <catch2/catch.hpp>

namespace curve_text_test {

using namespace zcomet::keys;

namespace {
// The server's key of ZeroMQ RFC 26's example, as zmq_curve(7) has it.
constexpr std::string_view kText = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
} // namespace

TEST_CASE("keys of CURVE are Z85 of 32 bytes", "[curve_text]") {
    CHECK(is_curve_text(kText));
    CHECK(is_curve_text(std::string(40, '0')));
    CHECK_FALSE(is_curve_text(""));
    CHECK_FALSE(is_curve_text(kText.substr(1)));
    CHECK_FALSE(is_curve_text(std::string(kText) + "0"));
    CHECK_FALSE(is_curve_text(std::string(39, '0') + "\""));
    CHECK_FALSE(is_curve_text(std::string(39, '0') + "~"));
    // More than four bytes can hold.
    CHECK_FALSE(is_curve_text(std::string(40, '#')));
    CHECK(is_curve_text(std::string(35, '0') + "%nSc0"));
    CHECK_FALSE(is_curve_text(std::string(35, '0') + "%nSc1"));
}

TEST_CASE("bytes become the text that ZeroMQ has for them", "[curve_text]") {
    // ZeroMQ RFC 32's example, four times, of eight bytes.
    const std::string_view bytes = "\x86\x4F\xD2\x6F\xB5\x59\xF7\x5B";
    std::string all;
    std::string text;
    for (int i = 0; i < 4; ++i) {
        all += bytes;
        text += "HelloWorld";
    }
    CHECK(to_curve_text(all) == text);
    CHECK(to_curve_text(std::string(32, '\xFF')) == "%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0");
    CHECK(is_curve_text(to_curve_text(std::string(32, '\xFF'))));
}

} // namespace curve_text_test

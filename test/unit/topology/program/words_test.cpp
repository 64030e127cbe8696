#include "topology/program/words.hpp"

#include <catch2/catch.hpp>

namespace words_test {

using zcomet::program::closest_word;
using zcomet::program::did_you_mean;
using zcomet::program::wrap_help;

TEST_CASE("a misspelt word is like the word that was meant", "[words]") {
    const std::vector<std::string> commands{"nodes", "ping", "send", "who", "stats", "ledger"};
    CHECK(closest_word("nodez", commands) == "nodes");
    CHECK(closest_word("node", commands) == "nodes");
    CHECK(closest_word("nnodes", commands) == "nodes");
    CHECK(closest_word("sned", commands) == "send"); // two letters that changed places
    CHECK(closest_word("leger", commands) == "ledger");
    CHECK(closest_word("lejgerr", commands) == "ledger"); // two mistakes in seven letters
    CHECK(closest_word("hwo", commands) == "who");
    CHECK(did_you_mean("pnig", commands) == "; did you mean ping?");
}

TEST_CASE("a word that is like none is no guess", "[words]") {
    CHECK(closest_word("restart", {"nodes", "ping", "send"}).empty());
    CHECK(closest_word("pgni", {"ping"}).empty());
    CHECK(closest_word("", {"ping"}).empty());
    CHECK(closest_word("ping", {}).empty());
    CHECK(did_you_mean("restart", {"ping"}).empty());
}

TEST_CASE("the closest of several is the guess", "[words]") {
    CHECK(closest_word("--lisen", {"--liveness", "--listen"}) == "--listen");
    CHECK(closest_word("send", {"sends", "send"}) == "send");
}

TEST_CASE("help is broken between words", "[words]") {
    CHECK(wrap_help("one two three\nfour\n", 8, 4) == "one two\nthree\nfour\n");
    CHECK(wrap_help("one two\n", 7, 4) == "one two\n");
    CHECK(wrap_help("\n\nend", 7, 4) == "\n\nend");
    CHECK(wrap_help("", 7, 4).empty());
}

TEST_CASE("the second column of a help goes on below itself", "[words]") {
    CHECK(wrap_help("  -a  one two three\n", 13, 6) == "  -a  one two\n      three\n");
    // Three lines, of which the last two have the room that is left.
    CHECK(wrap_help("  -a  one two three\n", 10, 6) == "  -a  one\n      two\n      three\n");
}

TEST_CASE("the first column of a help, and a long word, stay whole", "[words]") {
    CHECK(wrap_help("  --a B in [1 - 9]\n", 10, 16) == "  --a B in [1 - 9]\n");
    CHECK(wrap_help("  -a  extraordinary word\n", 12, 6) == "  -a  extraordinary\n      word\n");
    CHECK(wrap_help("extraordinary\n", 5, 2) == "extraordinary\n");
}

} // namespace words_test

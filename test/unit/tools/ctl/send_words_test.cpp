#include "tools/ctl/send_words.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

namespace send_words_test {

using namespace zcomet::tools::ctl;
using Words = std::vector<std::string>;

namespace {

struct Parsed {
    Words arguments;
    bool from_input = false;
    std::string id;
    std::string message;
    bool acknowledged = false;
};

/// Finds the message, then has CLI11 parse the result.
Parsed parse(Words words) {
    CLI::App app{"A program with the command send", "zcomet-x"};
    double timeout = 3;
    bool json = false;
    Parsed parsed;
    app.add_option("--timeout", timeout);
    app.add_flag("--json", json);
    CLI::App* const send = app.add_subcommand("send", "")->fallthrough();
    send->add_option("ID", parsed.id);
    send->add_option("MESSAGE", parsed.message);
    send->add_flag("--ack", parsed.acknowledged);
    app.add_subcommand("nodes", "")->fallthrough();
    SendWords found = find_message(app, std::move(words));
    parsed.arguments = found.arguments;
    parsed.from_input = found.from_input;
    std::reverse(found.arguments.begin(), found.arguments.end());
    app.parse(std::move(found.arguments));
    return parsed;
}

} // namespace

TEST_CASE("all that follows the id is the message", "[send_words]") {
    for (const char* const text : {"hi", "-hello", "--help", "-h", "--json", "--timeout", "", "--",
                                   "-1", "--timeout=x", "nodes"}) {
        const Parsed parsed = parse({"send", "123", text});
        CAPTURE(text);
        CHECK(parsed.id == "123");
        CHECK(parsed.message == text);
        CHECK_FALSE(parsed.from_input);
    }
    CHECK(parse({"send", "123", "hello", "-there", "--ack"}).message == "hello -there --ack");
    CHECK_FALSE(parse({"send", "123", "hello", "--ack"}).acknowledged);
}

TEST_CASE("options stand before the id", "[send_words]") {
    CHECK(parse({"send", "--timeout=6", "--json", "7", "8"}).message == "8");
    const Parsed parsed = parse({"--json", "--timeout", "5", "send", "--ack", "7", "8"});
    CHECK(parsed.id == "7");
    CHECK(parsed.message == "8");
    CHECK(parsed.acknowledged);
}

TEST_CASE("a hyphen stands for standard input", "[send_words]") {
    CHECK(parse({"send", "123", "-"}).from_input);
    CHECK(parse({"send", "-"}).from_input);
    CHECK(parse({"--json", "send", "--ack", "-"}).from_input);
    CHECK(parse({"send", "-", "-"}).from_input);
    const Parsed to_hyphen = parse({"send", "-", "hi"}); // it is an id, too
    CHECK_FALSE(to_hyphen.from_input);
    CHECK(to_hyphen.message == "hi");
    const Parsed quoted = parse({"send", "123", "--", "-"});
    CHECK_FALSE(quoted.from_input);
    CHECK(quoted.message == "-");
}

TEST_CASE("other commands are left as they are", "[send_words]") {
    for (const Words& words : {Words{}, Words{"nodes"}, Words{"nodes", "--json"}, Words{"send"},
                               Words{"send", "123"}, Words{"--timeout", "5", "nodes"}}) {
        CHECK(parse(words).arguments == words);
    }
}

} // namespace send_words_test

// Goal: a row is an option: on the command line, in --help, in a worker's command line and in the
// log. A secret appears only in the first of these.
#include "topology/program/address_options.hpp"
#include "topology/program/option_table.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace option_table_test {

using namespace zcomet;
using namespace zcomet::program;

namespace {

/// The options of a program for tests.
struct Options {
    explicit Options(const std::string& arguments) {
        table.add("--count", &count, "How many")
            .type("N")
            .range(1U, 9U)
            .show_default()
            .hand_on()
            .key("count");
        table.add("--most", &most, "At most").range(1UL, 9UL).none("0").hand_on();
        table.add("--name", &name, "What to call it").hand_on().key("called");
        table.add("--quiet", &quiet, "Say nothing").hand_on();
        table.add("--wait-ms", in_milliseconds(wait), "How long")
            .range(1U, 5000U)
            .hand_on()
            .key("wait");
        table.add("--listen", as_tcp_endpoint(listen), "Where").show_default();
        table.add("--admin", as_host_port(admin), "Where else").hand_on().key("admin");
        table.add("--other", &others, "Again and again").hand_on().key("other");
        table.add("--key", &key, "Who may").hand_on().secret();
        table.add("--bound", &bound, "If any").range(0U, 100U).hand_on().key("bound").hidden();
        table.add("--of", &of, "").hidden();
        app.parse(arguments);
    }

    std::uint32_t count = 3;
    std::uint64_t most = 0;
    std::string name;
    bool quiet = false;
    Duration wait = 1s;
    wire::HostPort listen{"0.0.0.0", 5555};
    wire::HostPort admin;
    std::vector<std::string> others;
    std::string key;
    std::optional<std::uint32_t> bound;
    int of = 0;
    CLI::App app{"A program for tests", "zcomet-x"};
    OptionTable table{app};
};

} // namespace

TEST_CASE("a row's value goes where the row says", "[option_table]") {
    const Options options("--count 5 --most 7 --name x --quiet --wait-ms 20 --listen tcp://[::1]:7 "
                          "--admin 127.0.0.1:9 --other a --other b --of 4");
    CHECK(options.count == 5);
    CHECK(options.most == 7);
    CHECK(options.name == "x");
    CHECK(options.quiet);
    CHECK(options.wait == 20ms);
    CHECK(options.listen.host == "::1");
    CHECK(options.admin.port == 9);
    CHECK(options.others == std::vector<std::string>{"a", "b"});
    CHECK(options.of == 4);
}

TEST_CASE("an optional number is there when it is given", "[option_table]") {
    CHECK_FALSE(Options("").bound);
    CHECK(Options("").table.handed_on().empty());
    const Options zero("--bound 0");
    CHECK(zero.bound == 0U);
    CHECK(zero.table.handed_on() == std::vector<std::string>{"--bound=0"});
    Options filled("");
    CHECK(filled.table.fill_in({{"bound", "7"}}).ok());
    CHECK(filled.bound == 7U);
    CHECK_FALSE(filled.table.fill_in({{"bound", "x"}}).ok());
    CHECK_THROWS_AS(Options("--bound 101"), CLI::ValidationError);
    CHECK_THROWS_AS(Options("--bound -1"), CLI::ValidationError);
}

TEST_CASE("a row refuses what it cannot take", "[option_table]") {
    const auto arguments = GENERATE(as<std::string>(), "--count 10", "--count x", "--wait-ms 5001",
                                    "--wait-ms 1.5", "--listen localhost", "--admin 9");
    CAPTURE(arguments);
    CHECK_THROWS_AS(Options(arguments), CLI::ValidationError);
}

TEST_CASE("--help shows each row that is for people, with its type and default", "[option_table]") {
    const std::string help = Options("").app.help();
    const auto shows = [&help](const std::string& option, const std::string& value) {
        return help.find(option + '=' + value) != std::string::npos ||
               help.find(option + " [" + value + ']') != std::string::npos; // by CLI11 2.4
    };
    CHECK(shows("--count N:UINT in [1 - 9]", "3"));
    CHECK(help.find("--wait-ms UINT:UINT in [1 - 5000]") != std::string::npos);
    CHECK_FALSE(shows("[1 - 5000]", "1000"));
    CHECK(shows("--listen tcp://HOST:PORT", "tcp://0.0.0.0:5555"));
    CHECK(help.find("--of") == std::string::npos);
}

TEST_CASE("a given option wins over a value from elsewhere", "[option_table]") {
    Options options("--count 3");
    REQUIRE(options.table
                .fill_in({{"count", "8"},
                          {"called", "file"},
                          {"wait", "7"},
                          {"other", "c"},
                          {"admin", "[::1]:9"}})
                .ok());
    CHECK(options.count == 3);
    CHECK(options.name == "file");
    CHECK(options.wait == 7ms);
    CHECK(options.others == std::vector<std::string>{"c"});
    CHECK(options.admin.text() == "[::1]:9");
    REQUIRE(options.table.fill_in({{"called", ""}}).ok()); // none there
    CHECK(options.name == "file");
    CHECK(options.table.given("--count"));
    CHECK_FALSE(options.table.given("--name"));
}

TEST_CASE("an invalid value from elsewhere is an error that names it", "[option_table]") {
    const Options options("");
    const Status bad = options.table.fill_in({{"wait", "soon"}});
    REQUIRE_FALSE(bad.ok());
    CHECK(bad.error().text == "\"soon\" cannot be the value of --wait-ms");
    CHECK_FALSE(options.table.fill_in({{"admin", "nowhere"}}).ok());
    CHECK_FALSE(options.table.fill_in({{"count", "x"}}).ok());
}

TEST_CASE("an option of a command is a row as well", "[option_table]") {
    CLI::App app{"A program for tests", "zcomet-x"};
    OptionTable table(app);
    std::string id;
    std::vector<std::string> files;
    unsigned times = 1;
    table.add("--times", &times, "How often");
    CLI::App& look = *app.add_subcommand("look", "");
    table.add_to(look, "ID", &id, "At whom").required();
    CLI::App& compare = *app.add_subcommand("compare", "");
    table.add_to(compare, "FILES", &files, "What").required();
    app.fallthrough();
    SECTION("it is needed by its command only") {
        app.parse("--times 2 look me");
        CHECK(id == "me");
        CHECK(table.settings() == "times=2 ID=me");
    }
    SECTION("an argument may have several values") {
        app.parse("compare a b");
        CHECK(files == std::vector<std::string>{"a", "b"});
    }
}

TEST_CASE("a worker's command line has what differs from the defaults", "[option_table]") {
    CHECK(Options("--listen tcp://*:1 --of 4").table.handed_on().empty());
    Options options("--count 5 --quiet --wait-ms 20 --other tcp://10.0.0.1:1 --other b");
    options.admin = {"::1", 9}; // as if found out later
    CHECK(options.table.handed_on() ==
          std::vector<std::string>{"--count=5", "--quiet", "--wait-ms=20", "--admin=[::1]:9",
                                   "--other=tcp://10.0.0.1:1", "--other=b"});
}

TEST_CASE("the settings in effect are a line of a log", "[option_table]") {
    CHECK(Options("").table.settings() ==
          "count=3 most=- name=- quiet=false wait_ms=1000 listen=tcp://0.0.0.0:5555 admin=- "
          "other=-");
    CHECK(Options("--name \"a b\" --other c --other d")
              .table.settings()
              .find("name=\"a b\" quiet=false wait_ms=1000 listen=tcp://0.0.0.0:5555 admin=- "
                    "other=\"c d\"") != std::string::npos);
}

TEST_CASE("a secret goes to a worker by a file in memory, and nowhere else", "[option_table]") {
    const Options supervisor("--key s3cr=t");
    CHECK(supervisor.table.handed_on().empty());
    CHECK(supervisor.table.settings().find("s3cr") == std::string::npos);
    const UniqueFd secrets = supervisor.table.secrets();
    for (int worker = 0; worker < 2; ++worker) {
        Options options("");
        REQUIRE(options.table.take_secrets(secrets.get()).ok());
        CHECK(options.key == "s3cr=t");
    }
}

TEST_CASE("secrets that are not ours are refused", "[option_table]") {
    const auto text = GENERATE(as<std::string>(), "--key", std::string("--key\0x", 7),
                               std::string("--name\0x\0", 9), std::string("--none\0x\0", 9));
    const UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    Options options("");
    CHECK_FALSE(options.table.take_secrets(file.get()).ok());
    CHECK_FALSE(options.table.take_secrets(-1).ok());
    CHECK(options.key.empty());
}

namespace {

/// The options of a program whose limits may change while it runs.
struct Limits {
    explicit Limits(const std::string& arguments) {
        table.add("--most", &most, "At most").range(1UL, 9UL).none("0").hand_on().reloadable();
        table.add("--quiet", &quiet, "Say nothing").hand_on().reloadable();
        table.add("--wait-ms", in_milliseconds(wait), "How long").reloadable();
        table.add("--listen", as_tcp_endpoint(listen), "Where").hand_on();
        table.add("--alias", &aliases, "Also").hand_on().reloadable();
        table.add("--of", &of, "").hidden();
        app.parse(arguments);
        table.note_settled();
    }

    std::uint64_t most = 0;
    bool quiet = false;
    Duration wait = 1s;
    wire::HostPort listen{"0.0.0.0", 0};
    std::vector<std::string> aliases;
    int of = 0;
    CLI::App app{"A program for tests", "zcomet-x"};
    OptionTable table{app};
};

} // namespace

TEST_CASE("several values change, and go to workers, like one", "[option_table]") {
    Limits running("--alias a --alias b");
    const auto changes = running.table.take_changes(Limits("--alias b --alias c --alias d").table);
    CHECK(changes.taken == "alias=\"b c d\"");
    CHECK(running.aliases == std::vector<std::string>{"b", "c", "d"});
    const UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
    running.table.write_for_workers(file.get());
    Limits worker("--alias a");
    REQUIRE(worker.table.take_from_supervisor(file.get()).ok());
    CHECK(worker.aliases == running.aliases);
    CHECK(running.table.take_changes(Limits("").table).taken == "alias=-");
    CHECK(running.aliases.empty());
}

TEST_CASE("what changed is taken where the row allows it, and told", "[option_table]") {
    Limits running("--most 5 --wait-ms 20");
    running.listen.port = 4711; // found out at the start: no change of the operator's
    const auto nothing = running.table.take_changes(Limits("--most 5 --wait-ms 20").table);
    CHECK(nothing.taken.empty());
    CHECK(nothing.not_taken.empty());

    const auto changes =
        running.table.take_changes(Limits("--quiet --listen tcp://[::1]:7 --of 3").table);
    CHECK(changes.taken == "most=- quiet=true wait_ms=1000");
    CHECK(changes.not_taken == "listen");
    CHECK(running.most == 0);
    CHECK(running.quiet);
    CHECK(running.wait == 1s);
    CHECK(running.listen.port == 4711);
    CHECK(running.of == 0);
    // What was taken is no news any more, what needs a restart is.
    const auto again =
        running.table.take_changes(Limits("--quiet --listen tcp://[::1]:7 --of 3").table);
    CHECK(again.taken.empty());
    CHECK(again.not_taken == "listen");
}

TEST_CASE("workers get the values that can change, and those that are handed on",
          "[option_table]") {
    const UniqueFd file(::memfd_create("test", 0));
    const Limits supervisor("--most 7 --quiet --wait-ms 5 --listen tcp://127.0.0.1:1");
    supervisor.table.write_for_workers(file.get());
    const Limits worker("--wait-ms 20");
    REQUIRE(worker.table.take_from_supervisor(file.get()).ok());
    CHECK(worker.most == 7);
    CHECK(worker.quiet);
    CHECK(worker.wait == 20ms); // it is not handed on
    CHECK(worker.listen.port == 0);

    Limits("").table.write_for_workers(file.get()); // less than before
    REQUIRE(worker.table.take_from_supervisor(file.get()).ok());
    CHECK(worker.most == 0);
    CHECK_FALSE(worker.quiet);

    REQUIRE(::pwrite(file.get(), "--listen", 8, 0) == 8);
    CHECK_FALSE(worker.table.take_from_supervisor(file.get()).ok());
    CHECK_FALSE(worker.table.take_from_supervisor(-1).ok());
}

} // namespace option_table_test

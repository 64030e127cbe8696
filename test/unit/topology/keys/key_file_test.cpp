#include "test/support/files.hpp"
#include "topology/keys/key_file.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

namespace key_file_test {

using namespace zcomet;
using namespace zcomet::keys;

namespace {

const std::string kPublic = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const std::string kSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

KeyFile example() {
    return {
        "web1",  {Role::kNode, Role::kSender}, {"shop.*", "a?"}, "2026-11-30T12:00:00Z", kPublic,
        kSecret, {{"broker1", kPublic}}};
}

std::string complaint(const std::string& text) {
    const auto key = parse_key_file(text);
    return key.ok() ? "" : key.error().text;
}

/// The example with one line in the place of another one.
std::string with(const std::string& key, const std::string& line) {
    std::string text = write_key_file(example());
    const std::size_t at = text.find("\n" + key + " = ") + 1;
    REQUIRE(at != 0);
    return text.replace(at, text.find('\n', at) - at, line);
}

} // namespace

TEST_CASE("a key file is read as it is written", "[key_file]") {
    const auto key = parse_key_file(write_key_file(example()));
    REQUIRE(key.ok());
    CHECK(key.value() == example());
    KeyFile small{"b", {Role::kBroker}, {}, "", kPublic, "", {}};
    REQUIRE(parse_key_file(write_key_file(small)).ok());
    CHECK(parse_key_file(write_key_file(small)).value() == small);
}

TEST_CASE("a key file with a mistake is refused with its line", "[key_file]") {
    const auto [text, says] = GENERATE(table<std::string, std::string>({
        {"", "no name of a key"},
        {"name = ", "line 1: this is not TOML"},
        {with("name", "name = \"a b\""), "\"a b\" is no name of a key"},
        {with("name", "name = \"../web\""), "is no name of a key"},
        {with("name", "name = 7"), "wants text in quotes"},
        {with("name", "nam = \"web1\""), "line 2: a key file has no \"nam\""},
        {with("roles", "roles = []"), "\"roles\" has a role"},
        {with("roles", "roles = \"node\""), "is a list of texts"},
        {with("roles", "roles = [1]"), "is a list of texts"},
        {with("roles", "roles = [\"king\"]"), "\"king\" is no role"},
        {with("roles", "roles = [\"node,sender\"]"), "is no role"},
        {with("ids", "ids = []"), "without it every id is meant"},
        {with("ids", "ids = [\"a b\"]"), "a pattern has 1 to 64 characters"},
        {with("created", "created = \"a\\u0007\""), "is a time"},
        {with("public", "public = \"\""), "\"public\" is no key"},
        {with("public", ""), "\"public\" is no key"},
        {with("secret", "secret = \"short\""), "\"secret\" is no key"},
        {with("secret", "secret = 1"), "wants text in quotes"},
        {write_key_file(example()) + "[[broker]]\nname = \"x\"\n", "\"public\" is no key"},
        {write_key_file(example()) + "[[broker]]\nsecret = \"x\"\n", "no \"secret\""},
        {std::string(20'000, '#'), "at most"},
    }));
    CAPTURE(text);
    CHECK_THAT(complaint(text), Catch::Contains(says));
}

TEST_CASE("what is wrong with a secret is said without it", "[key_file]") {
    for (const std::string& wrong :
         {kSecret + "x", kSecret.substr(1), kSecret + "\"x", "\\" + kSecret}) {
        const std::string said = complaint(with("secret", "secret = \"" + wrong + "\""));
        CAPTURE(said);
        CHECK_FALSE(said.empty());
        CHECK(said.find(kSecret.substr(2, 4)) == std::string::npos);
    }
}

TEST_CASE("roles are words with commas", "[key_file]") {
    CHECK(roles_of("node").value() == Roles{Role::kNode});
    CHECK(roles_of("sender,node").value().text() == "node,sender");
    for (const char* wrong : {"", ",", "node,", "nodes", "node, sender"}) {
        CHECK_FALSE(roles_of(wrong).ok());
    }
}

TEST_CASE("a file with a secret is refused if others may read it", "[key_file]") {
    const test::TemporaryFolder folder;
    const std::string path = folder.write("web1.key", write_key_file(example()));
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    CHECK_THAT(read_secret_key_file(path).error().text, Catch::Contains("others may read"));
    REQUIRE(::chmod(path.c_str(), 0640) == 0);
    CHECK_FALSE(read_secret_key_file(path).ok());
    REQUIRE(::chmod(path.c_str(), 0400) == 0);
    CHECK(read_secret_key_file(path).value() == example());
    KeyFile without = example();
    without.secret.clear();
    const std::string open = folder.write("web1.pub", write_key_file(without));
    REQUIRE(::chmod(open.c_str(), 0600) == 0);
    CHECK_THAT(read_secret_key_file(open).error().text, Catch::Contains("has no secret key"));
}

} // namespace key_file_test

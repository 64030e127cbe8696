#include "test/support/files.hpp"
#include "topology/keys/directory.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include <filesystem>

namespace directory_test {

using namespace zcomet;
using namespace zcomet::keys;

namespace {

const std::string kSecret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

/// A key of its own for each letter.
std::string key_of(char letter) {
    return std::string(39, '0') + letter;
}

KeyFile peer(const std::string& name, Roles roles = {Role::kNode}) {
    return {name, roles, {}, "today", key_of(name.back()), kSecret, {{"b", key_of('b')}}};
}

struct Keys {
    test::TemporaryFolder folder;
    std::string path = folder.path("keys");

    Keys() { REQUIRE(init_directory(path, peer("b", {Role::kBroker})).ok()); }
    [[nodiscard]] std::vector<std::string> allowed() const {
        std::vector<std::string> names;
        const auto directory = read_directory(path);
        for (const KeyFile& key : directory.value().allowed) {
            names.push_back(key.name);
        }
        return names;
    }
    [[nodiscard]] mode_t mode(const std::string& name) const {
        struct stat about {};
        REQUIRE(::stat((path + name).c_str(), &about) == 0);
        return about.st_mode & 07777U;
    }
};

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a new directory has the broker's key, for its owner alone", "[directory]") {
    const Keys keys;
    CHECK(keys.mode("") == 0700);
    CHECK(keys.mode("/self.key") == 0600);
    const auto read = read_directory(keys.path);
    REQUIRE(read.ok());
    CHECK(read.value().self.secret == kSecret);
    CHECK(read.value().allowed.empty());
    CHECK_THAT(init_directory(keys.path, peer("b", {Role::kBroker})).error().text,
               Catch::Contains("has a broker's key already"));
}

TEST_CASE("who is let in is known without the secret", "[directory]") {
    const Keys keys;
    REQUIRE(allow(keys.path, peer("web2"), false).ok());
    REQUIRE(allow(keys.path, peer("web1"), false).ok());
    CHECK(keys.allowed() == Names{"web1", "web2"});
    CHECK(read_directory(keys.path).value().allowed.front().secret.empty());
    CHECK(test::read_file(keys.path + "/allowed/web1.pub").find(kSecret) == std::string::npos);
    CHECK_THAT(allow(keys.path, peer("web1"), true).error().text, Catch::Contains("already"));
}

TEST_CASE("a revoked name is free again only if somebody says so", "[directory]") {
    const Keys keys;
    REQUIRE(allow(keys.path, peer("web1"), false).ok());
    REQUIRE(revoke(keys.path, "web1").ok());
    CHECK(keys.allowed().empty());
    CHECK(read_directory(keys.path).value().revoked.front().name == "web1");
    CHECK_FALSE(revoke(keys.path, "web1").ok());
    KeyFile other = peer("web1");
    other.public_key = key_of('z');
    CHECK_THAT(allow(keys.path, other, false).error().text, Catch::Contains("--replace"));
    REQUIRE(allow(keys.path, other, true).ok());
    CHECK(keys.allowed() == Names{"web1"});
}

TEST_CASE("a revoked key stays so in a file of another name", "[directory]") {
    const Keys keys;
    REQUIRE(allow(keys.path, peer("web1"), false).ok());
    REQUIRE(revoke(keys.path, "web1").ok());
    KeyFile again = peer("other");
    again.public_key = key_of('1');
    REQUIRE(allow(keys.path, again, false).ok());
    CHECK(keys.allowed().empty());
    CHECK(read_directory(keys.path).value().problems.size() == 1);
}

TEST_CASE("a file that is wrong lets nobody in, and keeps nobody out", "[directory]") {
    const Keys keys;
    REQUIRE(allow(keys.path, peer("web1"), false).ok());
    const std::string folder = keys.path + "/allowed/";
    std::filesystem::copy(folder + "web1.pub", folder + "web9.pub");
    KeyFile same = peer("xweb1");
    REQUIRE(allow(keys.path, same, false).ok()); // its key is web1's
    test::TemporaryFolder elsewhere;
    std::filesystem::copy(elsewhere.write("x", "name = "), folder + "half.pub");
    std::filesystem::copy(elsewhere.write("y", "x"), folder + "web1.pub~");
    std::filesystem::create_directory(folder + "folder.pub");
    CHECK(keys.allowed() == Names{"web1"});
    CHECK(read_directory(keys.path).value().problems.size() == 4);
}

TEST_CASE("a directory without a good key of the broker is refused", "[directory]") {
    const Keys keys;
    REQUIRE(::chmod((keys.path + "/self.key").c_str(), 0640) == 0);
    CHECK_THAT(read_directory(keys.path).error().text, Catch::Contains("others may read"));
    std::filesystem::remove(keys.path + "/self.key");
    CHECK_THAT(read_directory(keys.path).error().text, Catch::Contains("zcomet-ctl keys init"));
    REQUIRE(write_secret_file(keys.path + "/self.key", peer("web1")).ok());
    CHECK_THAT(read_directory(keys.path).error().text, Catch::Contains("no key of a broker"));
}

} // namespace directory_test

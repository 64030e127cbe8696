#include "broker/table/name_owners.hpp"

#include <catch2/catch.hpp>

namespace name_owners_test {

using namespace zcomet;
using namespace zcomet::broker::table;

namespace {

keys::KnownKey key(std::size_t index) {
    return {index, "k", "", {keys::Role::kNode}, {}};
}

} // namespace

TEST_CASE("a name belongs to the key that said it first, until that is revoked", "[name_owners]") {
    NameOwners owners;
    keys::KnownKey one = key(1);
    const keys::KnownKey two = key(2);
    CHECK(owners.find("web") == nullptr);
    owners.note("web", one);
    owners.note("web", one);
    CHECK(owners.find("web") == &one);
    one.roles = {};
    CHECK(owners.find("web") == nullptr);
    owners.note("web", two);
    CHECK(owners.find("web") == &two);
}

TEST_CASE("a key with very many names loses its own oldest ones only", "[name_owners]") {
    NameOwners owners;
    const keys::KnownKey one = key(1);
    const keys::KnownKey many = key(2);
    owners.note("web", one);
    for (std::size_t i = 0; i <= NameOwners::kNamesPerKey; ++i) {
        owners.note("n" + std::to_string(i), many);
    }
    CHECK(owners.find("web") == &one);
    CHECK(owners.find("n0") == nullptr);
    CHECK(owners.find("n1") == &many);
}

} // namespace name_owners_test

#include "topology/keys/key_ring.hpp"

#include <catch2/catch.hpp>

namespace key_ring_test {

using namespace zcomet::keys;

namespace {

KeyFile key(const std::string& name, const std::string& public_key, Roles roles,
            std::vector<std::string> ids = {}) {
    return {name, roles, std::move(ids), "", public_key, "", {}};
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a key that is revoked stays known, and may nothing", "[key_ring]") {
    KeyRing ring;
    CHECK(ring.take({key("a", "A", {Role::kNode}), key("b", "B", {Role::kSender})}).added ==
          Names{"a", "b"});
    const KnownKey* a = ring.find("A");
    REQUIRE(a != nullptr);
    CHECK(ring.at(a->index) == a);
    CHECK(a->may(Role::kNode));
    CHECK_FALSE(a->may(Role::kSender));
    CHECK(ring.take({key("b", "B", {Role::kSender})}).revoked == Names{"a"});
    CHECK(a->is_revoked());
    CHECK_FALSE(a->may(Role::kNode));
    CHECK(ring.find("A") == nullptr);
    CHECK(ring.at(0) == a);
    CHECK(ring.size() == 1);
    CHECK(ring.take({key("b", "B", {Role::kSender})}).empty());
    CHECK(ring.take({key("a", "A", {Role::kNode})}).added == Names{"a"});
    CHECK(ring.find("A") == a);
    CHECK(ring.at(7) == nullptr);
}

TEST_CASE("roles and ids of a key may change", "[key_ring]") {
    KeyRing ring;
    ring.take({key("a", "A", {Role::kSender})});
    const KnownKey* a = ring.find("A");
    CHECK(a->may_send_to("anything"));
    CHECK(ring.take({key("a", "A", {Role::kSender}, {"shop.*", "x"})}).changed == Names{"a"});
    CHECK(a->may_send_to("shop.1"));
    CHECK(a->may_send_to("x"));
    CHECK_FALSE(a->may_send_to("y"));
    CHECK(ring.take({key("a", "A", {Role::kOperator}, {"shop.*", "x"})}).changed == Names{"a"});
    CHECK(a->may(Role::kOperator));
}

} // namespace key_ring_test

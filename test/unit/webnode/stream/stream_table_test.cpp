// Goal: the tables of connections and of streams behave as plain maps would, stale handles are
// detected, and a stream stays within its bytes.
#include "topology/wire/owned_ids.hpp"
#include "webnode/stream/stream_table.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace zcomet::webnode::stream::stream_table_test {
namespace {

using connection::Connection;
using connection::ConnectionState;
using connection::ConnectionTable;
using connection::Handle;

static_assert(!std::is_copy_constructible_v<StreamTable>);

constexpr std::uint8_t kForm = 5;
constexpr std::uint8_t kOtherForm = 255;

/// Both tables, as a worker has them.
class Tables : public ConnectionTable, public StreamTable {
  public:
    Tables() : StreamTable(static_cast<ConnectionTable&>(*this)) {}

    /// @return whether it is the first stream of its id.
    bool park(Handle handle, std::string_view id, std::uint8_t form) {
        return !park(handle, std::vector<std::string>{std::string(id)}, form).empty();
    }
    /// @return the ids whose first stream it is.
    std::vector<std::string> park(Handle handle, const std::vector<std::string>& ids,
                                  std::uint8_t form) {
        wire::OwnedIds owned;
        for (const std::string& id : ids) {
            owned.add(id);
        }
        std::vector<std::string> first;
        StreamTable::park(handle, owned.list(), form,
                          [&first](std::string_view id) { first.emplace_back(id); });
        return first;
    }

    using Ids = std::vector<std::string>;
    struct Removed {
        int fd = -1;
        Ids freed_ids{};
    };
    Removed remove(Handle handle) {
        const Connection& connection = *find(handle);
        Removed removed{connection.fd()};
        if (connection.parked()) {
            leave(handle, [&removed](std::string_view id) { removed.freed_ids.emplace_back(id); });
        }
        ConnectionTable::remove(handle);
        return removed;
    }
    [[nodiscard]] std::size_t memory_bytes() const {
        return ConnectionTable::memory_bytes() + StreamTable::memory_bytes();
    }
};

std::vector<int> fds_of(Tables& table, std::string_view id) {
    std::vector<int> fds;
    if (const auto index = table.find_id(id)) {
        const StreamPosition end = table.for_some_streams(
            table.first_stream(*index), SIZE_MAX, [&](Handle handle, Connection& connection) {
                CHECK(table.find(handle) == &connection);
                fds.push_back(connection.fd());
            });
        CHECK(end == store::kNoIndex);
    }
    std::sort(fds.begin(), fds.end());
    return fds;
}

std::vector<std::string> ids_of(const Tables& table) {
    std::vector<std::string> ids;
    table.for_each_id([&](std::string_view id) { ids.emplace_back(id); });
    std::sort(ids.begin(), ids.end());
    return ids;
}

TEST_CASE("a handle survives epoll's 64 bits", "[stream_table]") {
    const Handle handle{123, 456};
    CHECK(Handle::unpack(handle.packed()) == handle);
    Tables table;
    CHECK(table.add(5).packed() > UINT32_MAX);
}

TEST_CASE("a connection that was accepted is reading", "[stream_table]") {
    Tables table;
    const Handle handle = table.add(7);
    const Connection* connection = table.find(handle);
    REQUIRE(connection != nullptr);
    CHECK(connection->fd() == 7);
    CHECK(connection->state() == ConnectionState::kReading);
    CHECK(connection->messages == 0);
    CHECK(connection->output == store::kNoIndex);
    CHECK(connection->input() == store::kNoIndex);
    CHECK(table.connection_count() == 1);
    CHECK(table.stream_count() == 0);
    CHECK(table.id_count() == 0);
}

TEST_CASE("the first stream of an id is a login, the last one a logout", "[stream_table]") {
    Tables table;
    const Handle first = table.add(1);
    const Handle second = table.add(2);
    CHECK(table.park(first, "123", kForm));
    CHECK_FALSE(table.park(second, "123", kOtherForm));
    CHECK(table.stream_count() == 2);
    CHECK(table.find(first)->form() == kForm);
    CHECK(table.find(second)->form() == kOtherForm);
    CHECK(fds_of(table, "123") == std::vector<int>{1, 2});
    CHECK(table.streams_of("123") == 2);
    CHECK(table.streams_of("12") == 0);

    const auto one_left = table.remove(first);
    CHECK(one_left.fd == 1);
    CHECK(one_left.freed_ids.empty());
    CHECK(fds_of(table, "123") == std::vector<int>{2});
    CHECK(table.streams_of("123") == 1);

    const auto none_left = table.remove(second);
    CHECK(none_left.freed_ids == Tables::Ids{"123"});
    CHECK_FALSE(table.find_id("123"));
    CHECK(table.streams_of("123") == 0);
    CHECK(table.id_count() == 0);
    CHECK(table.connection_count() == 0);
}

TEST_CASE("a connection that never parked logs nothing out", "[stream_table]") {
    Tables table;
    const Handle handle = table.add(1);
    table.find(handle)->set_input(42);
    CHECK(table.find(handle)->input() == 42);
    const auto removed = table.remove(handle);
    CHECK(removed.fd == 1);
    CHECK(removed.freed_ids.empty());
}

TEST_CASE("a handle of a closed connection finds nothing", "[stream_table]") {
    Tables table;
    const Handle gone = table.add(1);
    (void)table.remove(gone);
    CHECK(table.find(gone) == nullptr);
    const Handle successor = table.add(2);
    CHECK(successor.index == gone.index);
    CHECK(table.find(gone) == nullptr);
    CHECK(table.find(successor) != nullptr);
    CHECK(table.find(Handle{9999, 1}) == nullptr);
    CHECK(table.find(Handle{}) == nullptr);
}

TEST_CASE("an id of any allowed length", "[stream_table]") {
    Tables table;
    const std::string id(GENERATE(1U, 15U, 23U, 24U, 64U), 'x');
    const Handle handle = table.add(1);
    REQUIRE(table.park(handle, id, kForm));
    CHECK(ids_of(table) == std::vector<std::string>{id});
    CHECK(table.remove(handle).freed_ids == Tables::Ids{id});
}

TEST_CASE("a visitor may remove the stream it is called with", "[stream_table]") {
    Tables table;
    for (int fd = 0; fd < 10; ++fd) {
        (void)table.park(table.add(fd), "a", kForm);
    }
    std::set<int> visited;
    Tables::Ids freed;
    StreamPosition position = table.first_stream(*table.find_id("a"));
    while (position != store::kNoIndex) {
        position = table.for_some_streams(position, 3, [&](Handle handle, Connection& connection) {
            visited.insert(connection.fd());
            freed = table.remove(handle).freed_ids;
        });
    }
    CHECK(visited.size() == 10);
    CHECK(freed == Tables::Ids{"a"});
    CHECK(table.connection_count() == 0);
}

TEST_CASE("a held position moves on when its stream is removed", "[stream_table]") {
    Tables table;
    std::vector<Handle> handles;
    for (int fd = 0; fd < 5; ++fd) {
        handles.push_back(table.add(fd));
        (void)table.park(handles.back(), "a", kForm);
    }
    std::vector<int> visited;
    const auto visit = [&](Handle, Connection& connection) { visited.push_back(connection.fd()); };
    // The stream parked last is the first of the list.
    StreamPosition position =
        table.for_some_streams(table.first_stream(*table.find_id("a")), 1, visit);
    table.hold(position);
    (void)table.remove(handles[3]); // the one it stands on
    (void)table.remove(handles[1]); // one after it
    (void)table.remove(handles[4]); // one before it
    (void)table.park(table.add(5), "a", kForm);
    position = table.for_some_streams(position, 1, visit);
    CHECK(visited == std::vector<int>{4, 2});
    (void)table.remove(handles[0]);
    CHECK(position == store::kNoIndex);
    table.let_go(position);
}

TEST_CASE("a stream with several ids is in the list of each", "[stream_table]") {
    Tables table;
    const Handle several = table.add(1);
    CHECK(table.park(several, Tables::Ids{"a", "b", "c"}, kForm) == Tables::Ids{"a", "b", "c"});
    const Handle other = table.add(2);
    CHECK_FALSE(table.park(other, "b", kForm));
    CHECK(table.stream_count() == 2);
    CHECK(table.id_count() == 3);
    CHECK(fds_of(table, "a") == std::vector<int>{1});
    CHECK(fds_of(table, "b") == std::vector<int>{1, 2});
    Tables::Ids in_order;
    table.for_each_id_of(*table.find(several),
                         [&](std::string_view id) { in_order.emplace_back(id); });
    CHECK(in_order == Tables::Ids{"a", "b", "c"});

    StreamPosition position = table.first_stream(*table.find_id("a"));
    table.hold(position);
    CHECK(table.remove(several).freed_ids == Tables::Ids{"a", "c"});
    CHECK(position == store::kNoIndex);
    table.let_go(position);
    CHECK(fds_of(table, "b") == std::vector<int>{2});
    CHECK(table.stream_count() == 1);
}

TEST_CASE("budget: a stream with ten ids of its own takes 40 bytes, and 70 for each",
          "[stream_table]") {
    Tables table;
    constexpr std::uint32_t kStreams = 20'000;
    constexpr std::uint32_t kIds = 10;
    for (std::uint32_t i = 0; i < kStreams; ++i) {
        Tables::Ids ids;
        for (std::uint32_t id = 0; id < kIds; ++id) {
            ids.push_back(std::to_string(i * kIds + id));
        }
        (void)table.park(table.add(static_cast<int>(i)), ids, kForm);
    }
    CHECK(table.memory_bytes() / kStreams <= 40 + kIds * 70);
}

TEST_CASE("a visitor of all connections may remove them", "[stream_table]") {
    Tables table;
    for (int fd = 0; fd < 5000; ++fd) {
        const Handle handle = table.add(fd);
        if (fd % 2 == 0) {
            (void)table.park(handle, std::to_string(fd % 7), kForm);
        }
    }
    int visits = 0;
    table.for_each_connection([&](Handle handle, Connection& connection) {
        ++visits;
        if (connection.fd() % 3 != 0) {
            (void)table.remove(handle);
        }
    });
    CHECK(visits == 5000);
    CHECK(table.connection_count() == 1667);
    table.for_each_connection([&](Handle handle, Connection&) { (void)table.remove(handle); });
    CHECK(table.connection_count() == 0);
    CHECK(table.id_count() == 0);
}

TEST_CASE("memory goes back when a great many connections are gone, and handles stay stale",
          "[stream_table]") {
    Tables table;
    constexpr int kConnections = 100'000;
    std::vector<Handle> handles;
    handles.reserve(kConnections);
    for (int fd = 0; fd < kConnections; ++fd) {
        handles.push_back(table.add(fd));
    }
    const std::size_t full = table.memory_bytes();
    for (const Handle handle : handles) {
        (void)table.remove(handle);
    }
    CHECK(table.memory_bytes() < full / 10);
    (void)table.add(1);
    for (const Handle handle : handles) {
        REQUIRE(table.find(handle) == nullptr);
    }
}

TEST_CASE("budget: a parked stream of its own id stays under 80 bytes", "[stream_table]") {
    Tables table;
    constexpr std::uint32_t kStreams = 100'000;
    for (std::uint32_t i = 0; i < kStreams; ++i) {
        REQUIRE(table.park(table.add(static_cast<int>(i)), std::to_string(i), kForm));
    }
    CHECK(table.memory_bytes() / kStreams < 80);
}

/// The expected table, in maps.
struct Model {
    struct Entry {
        Handle handle;
        int fd = -1;
        std::set<std::string> ids; // empty: reading
    };
    std::vector<Entry> connections;
    std::map<std::string, std::multiset<int>> ids;
};

void check_against(Tables& table, const Model& model) {
    REQUIRE(table.connection_count() == model.connections.size());
    REQUIRE(table.id_count() == model.ids.size());
    std::vector<std::string> ids;
    for (const auto& [id, fds] : model.ids) {
        ids.push_back(id);
        REQUIRE(fds_of(table, id) == std::vector<int>(fds.begin(), fds.end()));
        REQUIRE(table.streams_of(id) == fds.size());
    }
    REQUIRE(ids_of(table) == ids);
    for (const auto& entry : model.connections) {
        const Connection* connection = table.find(entry.handle);
        REQUIRE(connection != nullptr);
        REQUIRE(connection->fd() == entry.fd);
        REQUIRE(connection->parked() == !entry.ids.empty());
        if (connection->parked()) {
            REQUIRE(connection->has_several_ids() == (entry.ids.size() > 1));
            std::set<std::string> of_stream;
            table.for_each_id_of(*connection, [&](std::string_view id) { of_stream.emplace(id); });
            REQUIRE(of_stream == entry.ids);
        }
    }
}

void remove_from_both(Tables& table, Model& model, std::size_t which) {
    const Model::Entry entry = model.connections[which];
    model.connections.erase(model.connections.begin() + static_cast<std::ptrdiff_t>(which));
    const auto removed = table.remove(entry.handle);
    REQUIRE(removed.fd == entry.fd);
    std::set<std::string> freed;
    for (const std::string& id : entry.ids) {
        auto& fds = model.ids[id];
        fds.erase(fds.find(entry.fd));
        if (fds.empty()) {
            model.ids.erase(id);
            freed.insert(id);
        }
    }
    REQUIRE(std::set(removed.freed_ids.begin(), removed.freed_ids.end()) == freed);
    REQUIRE(table.find(entry.handle) == nullptr);
}

TEST_CASE("property: the table behaves as maps do", "[stream_table]") {
    const auto seed = GENERATE(1U, 2U, 3U, 4U);
    CAPTURE(seed);
    std::mt19937 random(seed);
    Tables table;
    Model model;
    for (int step = 0; step < 5000; ++step) {
        CAPTURE(step);
        const std::size_t size = model.connections.size();
        const auto dice = random() % 10;
        if (size == 0 || dice < 4) {
            model.connections.push_back({table.add(step), step, {}});
        } else if (dice < 7) {
            auto& entry = model.connections[random() % size];
            if (entry.ids.empty()) {
                for (auto count = 1 + random() % 4; count > 0; --count) {
                    entry.ids.insert("id-" + std::to_string(random() % 20));
                }
                Tables::Ids first;
                for (const std::string& id : entry.ids) {
                    auto& fds = model.ids[id];
                    if (fds.empty()) {
                        first.push_back(id);
                    }
                    fds.insert(entry.fd);
                }
                const Tables::Ids all(entry.ids.begin(), entry.ids.end());
                REQUIRE(table.park(entry.handle, all, kForm) == first);
            }
        } else {
            remove_from_both(table, model, random() % size);
        }
        if (step % 50 == 0) {
            check_against(table, model);
        }
    }
    while (!model.connections.empty()) {
        remove_from_both(table, model, random() % model.connections.size());
    }
    check_against(table, model);
}

} // namespace
} // namespace zcomet::webnode::stream::stream_table_test

// The table of kinds against the one in docs/PROTOCOL.md, and against the codec.
#include "topology/wire/frames.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace kinds_test {

using namespace zcomet;
using namespace zcomet::wire;

namespace {

struct Documented {
    unsigned value = 0;
    std::string senders;
};

/// The cells of a line of a Markdown table.
std::vector<std::string> cells_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(stream, cell, '|');) {
        const std::size_t begin = cell.find_first_not_of(' ');
        const std::size_t end = cell.find_last_not_of(' ');
        cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
    }
    return cells;
}

/// The rows `| NAME | %xHH | who sends it | answer |` of docs/PROTOCOL.md.
std::map<std::string, Documented> documented_kinds() {
    std::ifstream document(ZCOMET_SOURCE_ROOT "/docs/PROTOCOL.md");
    REQUIRE(document.good());
    std::map<std::string, Documented> kinds;
    for (std::string line; std::getline(document, line);) {
        const std::vector<std::string> cells = cells_of(line);
        if (cells.size() >= 5 && cells[2].substr(0, 2) == "%x") {
            const auto value = static_cast<unsigned>(std::stoul(cells[2].substr(2), nullptr, 16));
            kinds[cells[1]] = {value, cells[3]};
        }
    }
    return kinds;
}

bool names(const Documented& kind, std::string_view sender) {
    return kind.senders.find(sender) != std::string::npos;
}

} // namespace

TEST_CASE("the rows of the kinds are those of docs/PROTOCOL.md", "[wire]") {
    const auto documented = documented_kinds();
    CHECK(documented.size() == kKinds.size());
    for (const KindRow& row : kKinds) {
        const std::string name(row.name);
        CAPTURE(name);
        REQUIRE(documented.count(name) == 1);
        const Documented& kind = documented.at(name);
        CHECK(kind.value == static_cast<unsigned>(row.kind));
        const bool anyone = names(kind, "anyone");
        CHECK(names(kind, "broker") == (row.from != From::kPeer));
        CHECK((anyone || names(kind, "node") || names(kind, "sender")) ==
              (row.from != From::kBroker));
        if (row.from == From::kBroker) {
            continue;
        }
        const bool is_only_nodes = names(kind, "node") && !names(kind, "sender");
        const bool is_only_senders = names(kind, "sender") && !names(kind, "node");
        CHECK((row.role == Role::kNode) == is_only_nodes);
        CHECK((row.role == Role::kSender) == is_only_senders);
        CHECK(row.needs_hello == (!anyone && row.kind != Kind::kHello));
    }
}

TEST_CASE("a kind is found by its byte, and no kind by any other byte", "[wire]") {
    std::size_t found = 0;
    for (unsigned byte = 0; byte <= 0xFF; ++byte) {
        const KindRow* row = find_kind(static_cast<std::uint8_t>(byte));
        if (row != nullptr) {
            ++found;
            CHECK(static_cast<unsigned>(row->kind) == byte);
            CHECK(name_of(row->kind) == row->name);
        }
    }
    CHECK(found == kKinds.size());
    CHECK(name_of(static_cast<Kind>(0x7E)) == "unknown");
}

TEST_CASE("a decoded frame knows its row by its type", "[wire]") {
    const std::string ping = encode(Ping{1});
    const auto decoded = decode(ping);
    CHECK(kind_of(std::get<Frame>(decoded)).kind == Kind::kPing);
    CHECK(kKindOf<Hello>.kind == Kind::kHello);
    CHECK(kKindOf<Receipt>.kind == Kind::kReceipt);
    CHECK(kKindOf<Pong>.kind == Kind::kPong);
    CHECK(kKindOf<Acknowledged>.kind == Kind::kAcknowledged);
    CHECK(kKindOf<ErrorFrame>.kind == Kind::kError);
}

} // namespace kinds_test

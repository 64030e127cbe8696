// Goal: tables are aligned, with no blanks at the ends of lines.
#include "tools/common/table.hpp"

#include <catch2/catch.hpp>

namespace table_test {

using zcomet::tools::common::Table;

TEST_CASE("columns are as wide as their widest cell", "[table]") {
    Table table({{"NAME"}, {"IDS", Table::Align::kRight}, {"NOTE"}});
    table.add_row({"web1", "12345", ""});
    table.add_row({"a-long-name", "7", "x"});
    CHECK(table.text() == "NAME           IDS  NOTE\n"
                          "web1         12345\n"
                          "a-long-name      7  x\n");
}

TEST_CASE("a table without rows is its header", "[table]") {
    CHECK(Table({{"A"}, {"B"}}).text() == "A  B\n");
}

} // namespace table_test

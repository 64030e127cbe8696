#include "tools/common/table.hpp"

#include "topology/base/check.hpp"
#include "topology/base/text.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::tools::common {

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
    ZCOMET_ASSERT(!columns_.empty());
    std::vector<std::string> titles;
    for (const Column& column : columns_) {
        titles.push_back(column.title);
    }
    rows_.push_back(std::move(titles));
}

void Table::add_row(std::vector<std::string> cells) {
    ZCOMET_ASSERT(cells.size() == columns_.size());
    for (std::string& cell : cells) {
        cell = in_one_line(cell);
    }
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
    std::vector<std::size_t> widths(columns_.size());
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    return widths;
}

std::string Table::text() const {
    const std::vector<std::size_t> width = widths();
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(width[i] - row[i].size(), ' ');
            line.append(i == 0 ? "" : "  ");
            line.append(columns_[i].align == Align::kLeft ? row[i] + padding : padding + row[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).append("\n");
    }
    return out;
}

} // namespace zcomet::tools::common

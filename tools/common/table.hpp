// Tables for people: columns aligned, two blanks between them, a header in capitals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace zcomet::tools::common {

class Table {
  public:
    enum class Align { kLeft, kRight };
    struct Column {
        std::string title;
        Align align = Align::kLeft;
    };

    /// At least one column.
    explicit Table(std::vector<Column> columns);
    /// `cells` are as many as the columns, ASCII each. Control characters are shown
    /// (in_one_line()).
    void add_row(std::vector<std::string> cells);
    /// The header, then the rows, each line ended; no blanks at the ends of lines.
    [[nodiscard]] std::string text() const;

  private:
    [[nodiscard]] std::vector<std::size_t> widths() const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_; ///< the header first
};

} // namespace zcomet::tools::common

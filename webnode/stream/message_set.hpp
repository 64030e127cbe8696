// Messages for the same streams, in every format that these streams have.
#pragma once

#include "webnode/format/formats.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::stream {

/// A message is prepared once for each format in use, when the first stream of the format asks.
/// clear() keeps the memory, so one set serves a whole loop without allocating.
/// Thread: one at a time.
class MessageSet {
  public:
    void clear();
    /// `text` is borrowed until clear().
    void add(std::string_view text) { texts_.push_back(text); }

    [[nodiscard]] std::size_t size() const { return texts_.size(); }
    [[nodiscard]] bool empty() const { return texts_.empty(); }
    [[nodiscard]] std::span<const std::string_view> texts() const { return texts_; }

    /// The result of StreamFormat::prepare() for each message; valid until the next add() or
    /// clear().
    [[nodiscard]] std::span<const std::string> prepared(format::FormatIndex format) {
        Prepared& prepared = prepared_[format];
        if (prepared.count < texts_.size()) {
            prepare(format);
        }
        return {prepared.messages.data(), texts_.size()};
    }

  private:
    struct Prepared {
        std::vector<std::string> messages; // those beyond `count` are memory for later
        std::size_t count = 0;
    };

    void prepare(format::FormatIndex format);

    std::vector<std::string_view> texts_;
    std::array<Prepared, format::kFormatsMax> prepared_;
};

} // namespace zcomet::webnode::stream

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
    /// The message is borrowed until clear().
    void add(const format::Message& message) { messages_.push_back(message); }

    [[nodiscard]] std::size_t size() const { return messages_.size(); }
    [[nodiscard]] bool empty() const { return messages_.empty(); }
    [[nodiscard]] std::span<const format::Message> messages() const { return messages_; }

    /// The result of StreamFormat::prepare() for each message; valid until the next add() or
    /// clear().
    [[nodiscard]] std::span<const std::string> prepared(format::FormatIndex format) {
        Prepared& prepared = prepared_[format];
        if (prepared.count < messages_.size()) {
            prepare(format);
        }
        return {prepared.messages.data(), messages_.size()};
    }

  private:
    struct Prepared {
        std::vector<std::string> messages; // those beyond `count` are memory for later
        std::size_t count = 0;
    };

    void prepare(format::FormatIndex format);

    std::vector<format::Message> messages_;
    std::array<Prepared, format::kFormatsMax> prepared_;
};

} // namespace zcomet::webnode::stream

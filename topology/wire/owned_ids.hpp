// Some ids together, such as those of one stream, kept in the form in which frames have them.
#pragma once

#include "topology/wire/frames.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace zcomet::wire {

/// One id of up to 14 bytes takes no memory on the heap. Two objects with the same ids in the same
/// order have equal bytes.
/// Thread: one at a time.
class OwnedIds {
  public:
    OwnedIds() = default;
    explicit OwnedIds(const IdList& ids) { add(ids); }
    explicit OwnedIds(std::string_view id) { add(id); }

    /// @param id  at most 255 bytes.
    void add(std::string_view id) {
        bytes_.push_back(static_cast<char>(id.size()));
        bytes_.append(id);
        ++count_;
    }
    void add(const IdList& ids) {
        ids.for_each([this](std::string_view id) { add(id); });
    }
    void clear() {
        bytes_.clear();
        count_ = 0;
    }

    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    /// Valid until the ids change.
    [[nodiscard]] IdList list() const { return {bytes_, count_}; }

  private:
    std::string bytes_;
    std::uint32_t count_ = 0;
};

} // namespace zcomet::wire

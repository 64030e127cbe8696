// The list of formats, and a stream's format and framing as one byte.
#pragma once

#include "webnode/format/stream_format.hpp"

#include <cstddef>
#include <cstdint>

namespace zcomet::webnode::format {

/// A format's place in the list of formats.cpp, from 0.
using FormatIndex = std::uint8_t;

/// The number of formats is limited because a stream's form is one byte.
/// @limit stream formats
inline constexpr std::size_t kFormatsMax = 8;

[[nodiscard]] FormatIndex format_count();
/// `index` is below format_count().
[[nodiscard]] const StreamFormat& format_at(FormatIndex index);
/// `format` is one from the list.
[[nodiscard]] FormatIndex index_of(const StreamFormat& format);

/// The part of a format that a stream's record keeps.
struct Form {
    FormatIndex format = 0;
    Framing framing = Framing::kBare;

    [[nodiscard]] std::uint8_t packed() const {
        return static_cast<std::uint8_t>((unsigned{format} << 1U) | static_cast<unsigned>(framing));
    }
    [[nodiscard]] static Form unpack(std::uint8_t packed) {
        return {static_cast<FormatIndex>(unsigned{packed} >> 1U),
                static_cast<Framing>(packed & 1U)};
    }
};

} // namespace zcomet::webnode::format

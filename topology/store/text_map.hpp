// Hash tables with text as the key, which look a std::string_view up without a copy. Debian's
// Abseil has a string_view type of its own, so its defaults would make a std::string for each
// look-up.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <functional>
#include <string>
#include <string_view>

namespace zcomet::store {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return absl::Hash<std::string_view>{}(text);
    }
};

template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

} // namespace zcomet::store

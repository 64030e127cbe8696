// Interned ids: each distinct id gets a small number, and costs its text, a few bytes of record and
// a slot of an open-addressing table. The broker and every web node keep theirs in one of these.
#pragma once

#include <cstdint>
#include <string_view>

namespace zcomet {

/// Index of an interned id: dense, from 0; indices of forgotten ids are used again.
using IdIndex = std::uint32_t;

} // namespace zcomet

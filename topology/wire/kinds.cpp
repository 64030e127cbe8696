#include "topology/wire/kinds.hpp"

namespace zcomet::wire {

const KindRow* find_kind(std::uint8_t kind) {
    const auto row =
        std::lower_bound(kKinds.begin(), kKinds.end(), kind, [](const KindRow& one, auto wanted) {
            return static_cast<std::uint8_t>(one.kind) < wanted;
        });
    const bool is_known = row != kKinds.end() && static_cast<std::uint8_t>(row->kind) == kind;
    return is_known ? &*row : nullptr;
}

std::string_view name_of(Kind kind) {
    const KindRow* row = find_kind(static_cast<std::uint8_t>(kind));
    return row == nullptr ? "unknown" : row->name;
}

} // namespace zcomet::wire

#include "topology/wire/id_frame_reader.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/flags.hpp"
#include "topology/wire/id.hpp"

#include <utility>

namespace zcomet::wire {

namespace {

constexpr std::size_t kChangeBytes = 8;
constexpr std::size_t kPartBytes = 1;
constexpr std::size_t kCountBytes = 4;

} // namespace

std::optional<IdFrameReader> IdFrameReader::open(std::string_view bytes) {
    const KindRow* const kind = kind_of_frame(bytes);
    if (kind == nullptr ||
        (kind->kind != Kind::kLogin && kind->kind != Kind::kLogout && kind->kind != Kind::kList)) {
        return std::nullopt;
    }
    const std::size_t part_bytes = kind->kind == Kind::kList ? kPartBytes : 0;
    const std::size_t ids_begin = kHeaderBytes + kChangeBytes + part_bytes + kCountBytes;
    if (bytes.size() < ids_begin) {
        return std::nullopt;
    }
    IdFrameReader reader(bytes, kind->kind, ids_begin);
    const bool has_unknown_bits = (reader.part_ & ~(kPartFirst | kPartLast)) != 0;
    if (has_unknown_bits || reader.count_ > reader.ids_.size()) {
        return std::nullopt;
    }
    return reader;
}

IdFrameReader::IdFrameReader(std::string_view bytes, Kind kind, std::size_t ids_begin)
    : kind_(kind), change_(load<std::uint64_t>(bytes.data() + kHeaderBytes)),
      part_(kind == Kind::kList ? static_cast<std::uint8_t>(bytes[kHeaderBytes + kChangeBytes])
                                : std::uint8_t{0}),
      count_(load<std::uint32_t>(bytes.data() + ids_begin - kCountBytes)),
      ids_(bytes.substr(ids_begin)), rest_(ids_) {
    if (count_ == 0 && !rest_.empty()) {
        refuse(ErrorCode::kMalformed, "bytes are left over after the frame");
    }
}

bool IdFrameReader::begins_list() const {
    return (part_ & kPartFirst) != 0;
}

std::uint32_t IdFrameReader::check(std::uint32_t ids_max) {
    std::uint32_t looked_at = 0;
    for (; looked_at < ids_max && !done(); ++looked_at) {
        check_one();
    }
    return looked_at;
}

void IdFrameReader::check_one() {
    const std::size_t size = rest_.empty() ? 0 : static_cast<unsigned char>(rest_[0]);
    if (rest_.size() < 1 + size) {
        refuse(ErrorCode::kMalformed, "the frame is cut short");
        return;
    }
    const std::string_view id = rest_.substr(1, size);
    if (!valid_id(id)) {
        refuse(ErrorCode::kBadId, why_invalid_id(id));
        return;
    }
    rest_.remove_prefix(1 + size);
    if (++checked_ == count_ && !rest_.empty()) {
        refuse(ErrorCode::kMalformed, "bytes are left over after the frame");
    }
}

Frame IdFrameReader::frame() const {
    ZCOMET_ASSERT(done());
    ZCOMET_ASSERT(!refusal_);
    const IdList ids(ids_, count_);
    if (kind_ == Kind::kLogin) {
        return Login{change_, ids};
    }
    if (kind_ == Kind::kLogout) {
        return Logout{change_, ids};
    }
    return List{change_, (part_ & kPartFirst) != 0, (part_ & kPartLast) != 0, ids};
}

void IdFrameReader::refuse(ErrorCode code, std::string text) {
    refusal_ = Refusal{code, static_cast<std::uint8_t>(kind_), std::move(text)};
}

} // namespace zcomet::wire

#include "webnode/format/formats.hpp"

#include "topology/base/check.hpp"
#include "webnode/format/comet.hpp"
#include "webnode/format/events.hpp"
#include "webnode/format/lines.hpp"
#include "webnode/format/poll.hpp"

#include <array>

namespace zcomet::webnode::format {

namespace {

/// A format is a file in this folder and a row here.
const std::array kFormats{
    &comet_format(),
    &events_format(),
    &lines_format(),
    &poll_format(),
};
static_assert(kFormats.size() <= kFormatsMax && kFormatsMax <= 128);

} // namespace

FormatIndex format_count() {
    return static_cast<FormatIndex>(kFormats.size());
}

const StreamFormat& format_at(FormatIndex index) {
    return *kFormats[index];
}

FormatIndex index_of(const StreamFormat& format) {
    FormatIndex index = 0;
    while (index < kFormats.size() && kFormats[index] != &format) {
        ++index;
    }
    ZCOMET_ASSERT(index < kFormats.size());
    return index;
}

} // namespace zcomet::webnode::format

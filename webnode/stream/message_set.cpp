#include "webnode/stream/message_set.hpp"

namespace zcomet::webnode::stream {

void MessageSet::clear() {
    texts_.clear();
    for (Prepared& prepared : prepared_) {
        prepared.count = 0;
    }
}

void MessageSet::prepare(format::FormatIndex index) {
    const format::StreamFormat& format = format::format_at(index);
    Prepared& prepared = prepared_[index];
    if (prepared.messages.size() < texts_.size()) {
        prepared.messages.resize(texts_.size());
    }
    for (; prepared.count < texts_.size(); ++prepared.count) {
        format.prepare(texts_[prepared.count], prepared.messages[prepared.count]);
    }
}

} // namespace zcomet::webnode::stream

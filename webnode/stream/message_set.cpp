#include "webnode/stream/message_set.hpp"

namespace zcomet::webnode::stream {

void MessageSet::clear() {
    messages_.clear();
    for (Prepared& prepared : prepared_) {
        prepared.count = 0;
    }
}

void MessageSet::prepare(format::FormatIndex index) {
    const format::StreamFormat& format = format::format_at(index);
    Prepared& prepared = prepared_[index];
    if (prepared.messages.size() < messages_.size()) {
        prepared.messages.resize(messages_.size());
    }
    for (; prepared.count < messages_.size(); ++prepared.count) {
        format.prepare(messages_[prepared.count], prepared.messages[prepared.count]);
    }
}

} // namespace zcomet::webnode::stream

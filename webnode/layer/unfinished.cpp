#include "webnode/layer/unfinished.hpp"

namespace zcomet::webnode::layer {

std::size_t StreamInputs::keep(connection::Handle stream, std::string bytes) {
    std::string& text = kept_[stream.index];
    sum_.keep(text, std::move(bytes));
    return UnfinishedBytes::memory_of(text);
}

std::string StreamInputs::take(connection::Handle stream) {
    const auto found = kept_.find(stream.index);
    if (found == kept_.end()) {
        return {};
    }
    std::string bytes = sum_.take(found->second);
    kept_.erase(found);
    return bytes;
}

std::size_t StreamInputs::memory_of(connection::Handle stream) const {
    const auto found = kept_.find(stream.index);
    return found == kept_.end() ? 0 : UnfinishedBytes::memory_of(found->second);
}

bool StreamInputs::tolerates(connection::Handle stream, std::size_t bytes) {
    std::size_t& so_far = unwanted_[stream.index];
    so_far += bytes;
    return so_far <= kUnwantedInputMax;
}

void StreamInputs::forget(connection::Handle stream) {
    if (!unwanted_.empty()) {
        unwanted_.erase(stream.index);
    }
    if (!kept_.empty()) {
        static_cast<void>(take(stream));
    }
}

} // namespace zcomet::webnode::layer

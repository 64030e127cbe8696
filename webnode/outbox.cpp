#include "webnode/outbox.hpp"

#include "topology/check.hpp"

namespace zcomet {

std::string_view Outbox::front() const {
    return std::string_view(bytes_).substr(sent_);
}

void Outbox::consume(std::size_t count) {
    ZCOMET_ASSERT(count <= size());
    sent_ += count;
    if (sent_ == bytes_.size()) {
        bytes_ = std::string();
        sent_ = 0;
    } else if (sent_ > bytes_.size() / 2) {
        // Only then: each byte is moved at most once for each byte that was sent.
        bytes_.erase(0, sent_);
        sent_ = 0;
    }
}

} // namespace zcomet

#include "webnode/connection/outbox.hpp"

#include "topology/base/check.hpp"

#include <algorithm>
#include <limits>

namespace zcomet::webnode::connection {

void Outbox::append(std::string_view bytes) {
    append_part(bytes, false);
}

void Outbox::append_message(std::string_view bytes) {
    append_part(bytes, true);
}

void Outbox::append_rest_of_message(std::string_view bytes) {
    ZCOMET_ASSERT(empty());
    append_part(bytes, true);
    begun_ = true;
}

void Outbox::append_part(std::string_view bytes, bool is_message) {
    if (bytes.empty()) {
        return;
    }
    ZCOMET_ASSERT(bytes.size() <= std::numeric_limits<std::uint32_t>::max());
    bytes_.append(bytes);
    parts_.push_back({static_cast<std::uint32_t>(bytes.size()), is_message});
    messages_ += is_message ? 1 : 0;
}

std::string_view Outbox::front() const {
    return std::string_view(bytes_).substr(sent_);
}

std::size_t Outbox::consume(std::size_t count) {
    ZCOMET_ASSERT(count <= size());
    sent_ += count;
    std::uint32_t whole = 0;
    while (count > 0) {
        Part& part = parts_[parts_gone_];
        const auto taken = static_cast<std::uint32_t>(std::min<std::size_t>(count, part.bytes));
        part.bytes -= taken;
        count -= taken;
        begun_ = part.bytes > 0;
        if (!begun_) {
            whole += part.is_message ? 1 : 0;
            ++parts_gone_;
        }
    }
    messages_ -= whole;
    tidy();
    return whole;
}

std::size_t Outbox::drop_oldest(std::size_t bytes_max) {
    std::size_t first = parts_gone_ + (begun_ ? 1U : 0U);
    while (first < parts_.size() && !parts_[first].is_message) {
        ++first;
    }
    std::size_t bytes_before = 0;
    for (std::size_t part = parts_gone_; part < first; ++part) {
        bytes_before += parts_[part].bytes;
    }
    std::size_t end = first;
    std::size_t bytes_dropped = 0;
    while (end < parts_.size() && parts_[end].is_message && size() - bytes_dropped > bytes_max) {
        bytes_dropped += parts_[end].bytes;
        ++end;
    }
    const std::size_t dropped = end - first;
    // The messages that stay in front are moved over the dropped ones: nearly always fewer bytes
    // than those that stay behind.
    const auto front = bytes_.begin() + static_cast<std::ptrdiff_t>(sent_);
    const auto before_end = front + static_cast<std::ptrdiff_t>(bytes_before);
    std::copy_backward(front, before_end, before_end + static_cast<std::ptrdiff_t>(bytes_dropped));
    const auto part = [this](std::size_t at) {
        return parts_.begin() + static_cast<std::ptrdiff_t>(at);
    };
    std::copy_backward(part(parts_gone_), part(first), part(end));
    sent_ += bytes_dropped;
    parts_gone_ += static_cast<std::uint32_t>(dropped);
    messages_ -= static_cast<std::uint32_t>(dropped);
    tidy();
    return dropped;
}

void Outbox::tidy() {
    if (sent_ == bytes_.size()) {
        bytes_ = std::string();
        sent_ = 0;
        parts_ = std::vector<Part>();
        parts_gone_ = 0;
        return;
    }
    // Not earlier: so each byte is moved at most once for each byte that was sent.
    if (sent_ > bytes_.size() / 2) {
        bytes_.erase(0, sent_);
        sent_ = 0;
    }
    if (parts_gone_ > parts_.size() / 2) {
        parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(parts_gone_));
        parts_gone_ = 0;
    }
}

} // namespace zcomet::webnode::connection

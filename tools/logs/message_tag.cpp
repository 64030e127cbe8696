#include "tools/logs/message_tag.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/id.hpp"

#include <array>
#include <charconv>

namespace zcomet::tools::logs {

namespace {

constexpr std::string_view kMark = " by=";
constexpr std::string_view kBodyHead = "Recvd msg #";
constexpr std::string_view kBehindNumber = ": '";

/// Reads a number off the front of `text`; nothing if there is none, or too large a one.
template <typename Number> std::optional<Number> take_number(std::string_view& text) {
    Number number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

} // namespace

void append_tag(std::string& message, const MessageTag& tag) {
    ZCOMET_ASSERT(wire::valid_id(tag.sender));
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), tag.number).ptr;
    message.append(kMark).append(tag.sender).append("/");
    message.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

std::optional<MessageTag> find_tag(std::string_view message) {
    const std::size_t mark = message.rfind(kMark);
    if (mark == std::string_view::npos) {
        return std::nullopt;
    }
    message.remove_prefix(mark + kMark.size());
    const std::size_t slash = message.find('/');
    if (slash == std::string_view::npos || !wire::valid_id(message.substr(0, slash))) {
        return std::nullopt;
    }
    const std::string_view sender = message.substr(0, slash);
    message.remove_prefix(slash + 1);
    const auto number = take_number<std::uint64_t>(message);
    if (!number) {
        return std::nullopt;
    }
    return MessageTag{sender, *number};
}

std::optional<std::uint32_t> number_on_stream(std::string_view body) {
    if (!body.starts_with(kBodyHead)) {
        return std::nullopt;
    }
    body.remove_prefix(kBodyHead.size());
    const auto number = take_number<std::uint32_t>(body);
    return body.starts_with(kBehindNumber) ? number : std::nullopt;
}

bool tells_of_gap(std::string_view body) {
    return body.starts_with("<em>Some messages were missed.</em>");
}

} // namespace zcomet::tools::logs

#include "topology/http/chunks.hpp"

#include "topology/base/check.hpp"
#include "topology/http/byte_class.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace zcomet::http {

namespace {

constexpr std::string_view kCrlf = "\r\n";

/// Takes an extension's line apart from its beginning.
class Extensions {
  public:
    explicit Extensions(std::string_view line) : rest_(line) {}

    [[nodiscard]] bool valid() {
        while (!rest_.empty()) {
            if (!take_separator(';') || !take_token()) {
                return false;
            }
            if (!take_separator('=')) {
                continue;
            }
            if (!(rest_.starts_with('"') ? take_quoted() : take_token())) {
                return false;
            }
        }
        return true;
    }

  private:
    /// Takes a separator and the blanks around it. Without one it takes nothing, so blanks that no
    /// separator follows stay, and are refused.
    bool take_separator(char separator) {
        const std::size_t at = std::min(rest_.find_first_not_of(" \t"), rest_.size());
        if (at == rest_.size() || rest_[at] != separator) {
            return false;
        }
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t", at + 1), rest_.size()));
        return true;
    }

    bool take_token() {
        const auto* const end =
            std::find_if_not(rest_.begin(), rest_.end(), [](char c) { return class_of(c).token; });
        const auto count = static_cast<std::size_t>(end - rest_.begin());
        rest_.remove_prefix(count);
        return count > 0;
    }

    /// RFC 9110, section 5.6.4. The line has only bytes that may be quoted.
    bool take_quoted() {
        for (std::size_t at = 1; at < rest_.size(); ++at) {
            if (rest_[at] == '"') {
                rest_.remove_prefix(at + 1);
                return true;
            }
            at += rest_[at] == '\\' ? 1 : 0;
        }
        return false;
    }

    std::string_view rest_;
};

} // namespace

std::optional<std::uint32_t> chunk_size(std::string_view line) {
    std::uint32_t size = 0;
    const auto digits = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (digits.ec == std::errc::invalid_argument ||
        !Extensions(line.substr(static_cast<std::size_t>(digits.ptr - line.data()))).valid()) {
        return std::nullopt;
    }
    return digits.ec == std::errc() ? size : std::numeric_limits<std::uint32_t>::max();
}

std::string join_chunks(std::string_view whole_request, std::size_t head_bytes) {
    std::string joined;
    joined.reserve(whole_request.size());
    joined.append(whole_request.substr(0, head_bytes));
    std::string_view rest = whole_request.substr(head_bytes);
    while (true) {
        const std::size_t line_bytes = rest.find(kCrlf);
        ZCOMET_ASSERT(line_bytes != std::string_view::npos);
        const std::size_t size = chunk_size(rest.substr(0, line_bytes)).value();
        if (size == 0) {
            return joined;
        }
        rest.remove_prefix(line_bytes + kCrlf.size());
        joined.append(rest.substr(0, size));
        ZCOMET_ASSERT(rest.size() > size + kCrlf.size());
        rest.remove_prefix(size + kCrlf.size());
    }
}

} // namespace zcomet::http

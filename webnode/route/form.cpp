#include "webnode/route/form.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace zcomet::webnode::route {

namespace {

constexpr std::size_t kEscapeDigits = 2;

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/// @return nothing: a "%" begins no escape.
std::optional<std::string> decode_form_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out.push_back(text[at] == '+' ? ' ' : text[at]);
            continue;
        }
        const std::string_view digits = text.substr(at + 1, kEscapeDigits);
        if (digits.size() != kEscapeDigits || !std::all_of(digits.begin(), digits.end(), is_hex)) {
            return std::nullopt;
        }
        unsigned char byte = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        out.push_back(static_cast<char>(byte));
        at += kEscapeDigits;
    }
    return out;
}

} // namespace

std::optional<std::vector<FormField>> read_form(std::string_view text) {
    std::vector<FormField> fields;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        if (one.empty()) {
            continue;
        }
        const std::size_t name_end = std::min(one.find('='), one.size());
        auto name = decode_form_text(one.substr(0, name_end));
        auto value = decode_form_text(one.substr(std::min(name_end + 1, one.size())));
        if (!name || !value || fields.size() == kFormFieldsMax) {
            return std::nullopt;
        }
        fields.push_back({std::move(*name), std::move(*value)});
    }
    return fields;
}

} // namespace zcomet::webnode::route

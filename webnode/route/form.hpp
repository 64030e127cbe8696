// Forms as browsers and publishers of Mercure send them: application/x-www-form-urlencoded (WHATWG
// URL, section 5.1).
//
//     form  = [field *("&" field)]        an empty field counts for nothing
//     field = NAME ["=" VALUE]            "+" is a blank, "%" and two hexadecimal digits a byte
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::webnode::route {

struct FormField {
    std::string name;
    std::string value;
};

/// @limit fields of a form
inline constexpr std::size_t kFormFieldsMax = 256;

/// @return the decoded fields in their order; nothing: there are more than kFormFieldsMax, or a "%"
/// is not followed by two hexadecimal digits, which readers decode in different ways.
/// Errors: none thrown.   Thread: any.   Cost: O(size).
[[nodiscard]] std::optional<std::vector<FormField>> read_form(std::string_view text);

} // namespace zcomet::webnode::route

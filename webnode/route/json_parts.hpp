// The values in a JSON text, as parts of the text: they keep the order of their members and each
// digit of their numbers, and a deep one needs no stack and no tree.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace zcomet::webnode::route {

/// @return whether this is JSON; then it is cut to the value, without what stands around it.
/// Thread: any.   Cost: O(size) here and below.
[[nodiscard]] bool cut_to_json(std::string_view& text);

/// Calls `visit` for each value of a list, in order, until that returns false.
/// @param list  of cut_to_json(), or part of such a text; it begins with "[".
void for_each_value(std::string_view list, const std::function<bool(std::string_view)>& visit);

/// Calls `visit` for each member of an object, which begins with "{".
void for_each_member(std::string_view object,
                     const std::function<void(const std::string& name, std::string_view)>& visit);

/// @param quoted  a string, with its quotation marks.   @return the text that it stands for.
[[nodiscard]] std::string text_of(std::string_view quoted);

/// @return the same value in as few bytes as its strings and numbers allow.
[[nodiscard]] std::string without_blanks(std::string_view json);

} // namespace zcomet::webnode::route

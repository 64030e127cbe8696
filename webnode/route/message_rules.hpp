// What the routes that publish want of a message, in whichever form a request has it.
#pragma once

#include "webnode/publish/publisher.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace zcomet::webnode::route {

/// Why a request, or a part of it, is no message.
struct Mistake {
    int status = 400; ///< of the answer, if that is about this message alone
    std::string sentence{};
};
using MessageOrMistake = std::variant<publish::Publication, Mistake>;

/// Every stream's format is text.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Why a text is no name of an event.   @return a sentence; empty: it is one.
[[nodiscard]] std::string why_no_event(std::string_view name);

/// What stands for `text` in a request whose own form cannot have every byte.
/// @return nothing: it is not base64. The bytes need not be text.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

/// @param id      any text.
/// @param text    of the message.
/// @param event   the name of its event; empty: none.
/// @return the message, if id, text and event are such.
[[nodiscard]] MessageOrMistake make_message(std::string_view id, std::string text,
                                            std::string_view event);
/// The same message to several ids.
[[nodiscard]] MessageOrMistake make_message(std::vector<std::string> ids, std::string text,
                                            std::string_view event);

} // namespace zcomet::webnode::route

// How a function reports that a peer, a file or a socket did not do as hoped: as a value.
// Exceptions are for programs that cannot start; assertions (check.hpp) are for our own bugs.
#pragma once

#include "topology/base/check.hpp"

#include <string>
#include <utility>
#include <variant>

namespace zcomet {

/// What went wrong, as one sentence for people: what, with which value, and what to do.
struct [[nodiscard]] Error {
    std::string text;
};

/// Either a value or an Error. Look at `ok()` first; `value()` of a failure is a bug and aborts.
template <typename T> class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::move(value)) {}     // NOLINT(google-explicit-constructor)
    Result(Error error) : state_(std::move(error)) {} // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool ok() const { return std::holds_alternative<T>(state_); }

    [[nodiscard]] T& value() & {
        ZCOMET_ASSERT(ok());
        return std::get<T>(state_);
    }
    [[nodiscard]] const T& value() const& {
        ZCOMET_ASSERT(ok());
        return std::get<T>(state_);
    }
    [[nodiscard]] T&& value() && {
        ZCOMET_ASSERT(ok());
        return std::get<T>(std::move(state_));
    }
    [[nodiscard]] const Error& error() const {
        ZCOMET_ASSERT(!ok());
        return std::get<Error>(state_);
    }

  private:
    std::variant<T, Error> state_;
};

/// Success without a value.
struct Done {};
using Status = Result<Done>;

} // namespace zcomet

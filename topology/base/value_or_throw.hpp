// From a Result to an exception: for a program at its start, when all it can do is to say what is
// wrong and to end. Cores and libraries do not include this.
#pragma once

#include "topology/base/result.hpp"

#include <stdexcept>
#include <utility>

namespace zcomet {

/// @return the value. Throws `Thrown`, made from the error's text, if there is none.
template <typename Thrown = std::runtime_error, typename T> T value_or_throw(Result<T> result) {
    if (!result.ok()) {
        throw Thrown(result.error().text);
    }
    return std::move(result).value();
}

/// Throws `Thrown`, made from the error's text, unless `status` is a success.
template <typename Thrown = std::runtime_error> void throw_unless_done(const Status& status) {
    if (!status.ok()) {
        throw Thrown(status.error().text);
    }
}

} // namespace zcomet

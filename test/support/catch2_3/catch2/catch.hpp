// Catch2 3 (Debian 13) under the names of Catch2 2 (Debian 12): the tests include
// <catch2/catch.hpp>, which Catch2 3 has split into many headers. test/unit/meson.build puts this
// folder into the include path where it finds Catch2 3.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>
#ifdef CATCH_CONFIG_RUNNER
#include <catch2/catch_session.hpp>
#endif

#include <string>

namespace Catch {

namespace Matchers {

/// Matches a text that contains `part`.
// NOLINTNEXTLINE(readability-identifier-naming): the name is Catch2's
inline StringContainsMatcher Contains(const std::string& part) {
    return ContainsSubstring(part);
}

} // namespace Matchers

using Matchers::Contains;
using Matchers::VectorContains;

} // namespace Catch

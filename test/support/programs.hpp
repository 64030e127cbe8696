// Where the programs under test are.
#pragma once

#include <string>
#include <string_view>

namespace zcomet::test {

/// The path of "zcomet-broker" and so on, as meson.build hands it over. Throws
/// std::runtime_error if the environment does not say.
[[nodiscard]] std::string path_of(std::string_view program);

} // namespace zcomet::test

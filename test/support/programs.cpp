#include "test/support/programs.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace zcomet::test {

std::string path_of(std::string_view program) {
    std::string variable(program);
    std::transform(variable.begin(), variable.end(), variable.begin(), [](char c) {
        return c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
    const char* path = std::getenv(variable.c_str());
    if (path == nullptr) {
        throw std::runtime_error(variable + " is not set: run the tests with meson test");
    }
    return path;
}

} // namespace zcomet::test

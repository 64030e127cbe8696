// main() of a fuzz target where the compiler has no libFuzzer: runs every file of some folders, so
// that every build runs what a fuzzer once found.
//
// usage: TARGET FOLDER...
#include "test/fuzz/target.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

std::vector<std::filesystem::path> files_in(const char* folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

void replay(const std::filesystem::path& path) {
    // Printed before the run: if the target aborts, this is the last line.
    std::printf("%s\n", path.c_str());
    static_cast<void>(std::fflush(stdout));
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

} // namespace

int main(int argc, char** argv) {
    std::size_t replayed = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& path : files_in(argv[i])) {
            replay(path);
            ++replayed;
        }
    }
    return replayed > 0 ? 0 : 1; // an empty corpus would pass for ever
}

// main() of every Catch2 test program. The definition makes Catch2 2 compile itself here; Catch2 3
// is a library, and knows by it that Catch::Session is wanted.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

int main(int argc, char* argv[]) {
    return Catch::Session().run(argc, argv);
}

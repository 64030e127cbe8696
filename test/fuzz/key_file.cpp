// Fuzz target: key files. What is read is within its bounds, and comes back as it is written. What
// is refused is refused in a short sentence, without control characters.
#include "topology/keys/key_file.hpp"

#include "test/fuzz/target.hpp"
#include "topology/base/check.hpp"
#include "topology/base/text.hpp"
#include "topology/history/patterns.hpp"
#include "topology/keys/curve_text.hpp"

#include <string>

using namespace zcomet;
using namespace zcomet::keys;

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto key = parse_key_file(fuzz::text_of(data, size));
    if (!key.ok()) {
        ZCOMET_ASSERT(!key.error().text.empty());
        ZCOMET_ASSERT(in_one_line(key.error().text) == key.error().text);
        return 0;
    }
    const KeyFile& file = key.value();
    ZCOMET_ASSERT(why_no_key_name(file.name).empty());
    ZCOMET_ASSERT(!file.roles.empty());
    ZCOMET_ASSERT(roles_of(file.roles.text()).value() == file.roles);
    ZCOMET_ASSERT(is_curve_text(file.public_key));
    ZCOMET_ASSERT(file.secret.empty() || is_curve_text(file.secret));
    ZCOMET_ASSERT(file.brokers.size() <= kBrokersOfKeyMax);
    ZCOMET_ASSERT(file.ids.size() <= history::kPatternsMax);
    const auto again = parse_key_file(write_key_file(file));
    // Escapes may make what is written longer than a file may be.
    ZCOMET_ASSERT(again.ok() ? again.value() == file
                             : write_key_file(file).size() > kKeyFileBytesMax);
    return 0;
}

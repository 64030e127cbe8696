// Whether this test, and so the programs that it starts, are built with AddressSanitizer.
#pragma once

namespace zcomet::test {

#if defined(__SANITIZE_ADDRESS__) // GCC
inline constexpr bool kSanitized = true;
#elif defined(__has_feature) // clang
inline constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

} // namespace zcomet::test

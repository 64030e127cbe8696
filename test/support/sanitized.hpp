// Whether this test, and so the programs that it starts, are built with a sanitizer that slows
// them down: AddressSanitizer or ThreadSanitizer.
#pragma once

namespace zcomet::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) // GCC
inline constexpr bool kSanitized = true;
#elif defined(__has_feature) // clang
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

} // namespace zcomet::test

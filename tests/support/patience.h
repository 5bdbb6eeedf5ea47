// How much longer a test waits for what must come than it would on a build without a sanitizer: the one
// place where that is decided. Limits in tests are for a release build on a loaded machine; the waits of
// tests/support stretch them here, and so does ctest (cmake/house.cmake). What a sanitizer cannot slow
// down (a virtual clock, a limit of the product itself) is not stretched.
#pragma once

namespace voxanne::test {

#if __has_feature(thread_sanitizer)
inline constexpr int slowness = 8;
#elif __has_feature(address_sanitizer)
inline constexpr int slowness = 4;
#else
inline constexpr int slowness = 1;
#endif

template <class Duration>
constexpr Duration patient(Duration limit) {
  return limit * slowness;
}

}  // namespace voxanne::test

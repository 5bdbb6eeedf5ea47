#pragma once
#include <cstdint>
namespace voxanne::recordings {
inline std::uint8_t to_ulaw(std::int16_t s) {
  int v = s, sign = 0;
  if (v < 0) {
    v = -v;
    sign = 0x80;
  }
  if (v > 32635) v = 32635;
  v += 132;
  int e = 7;
  for (int m = 0x4000; e > 0 && !(v & m); m >>= 1) --e;
  return static_cast<std::uint8_t>(~(sign | (e << 4) | ((v >> (e + 3)) & 15)));
}
inline std::int16_t from_ulaw(std::uint8_t c) {
  c = static_cast<std::uint8_t>(~c);
  int t = (((c & 15) << 3) + 132) << ((c >> 4) & 7);
  return static_cast<std::int16_t>((c & 0x80) ? 132 - t : t - 132);
}
}  // namespace voxanne::recordings

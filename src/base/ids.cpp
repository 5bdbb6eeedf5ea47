#include "base/ids.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace voxanne {

std::string make_ulid() {
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  thread_local std::int64_t last_ms = 0;
  thread_local std::array<std::uint8_t, 10> random{};

  using namespace std::chrono;
  const std::int64_t now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  bool fresh = now > last_ms;
  if (!fresh) {
    // Same millisecond (or the clock went back): increment, so that order is kept.
    fresh = true;
    for (auto byte = random.rbegin(); byte != random.rend(); ++byte) {
      if (++*byte != 0) {
        fresh = false;
        break;
      }
    }
    if (fresh) ++last_ms;
  } else {
    last_ms = now;
  }
  if (fresh) randombytes_buf(random.data(), random.size());

  std::string out(26, '0');
  std::int64_t ms = last_ms;
  for (int i = 9; i >= 0; --i, ms >>= 5) out[std::size_t(i)] = alphabet[ms & 31];
  unsigned bits = 0;
  unsigned held = 0;
  std::size_t at = 10;
  for (const std::uint8_t byte : random) {
    held = (held << 8 | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out[at++] = alphabet[held >> bits & 31];
    }
  }
  return out;
}

bool is_sane_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == ':' || c == '@' || c == '+' || c == '-';
  });
}

}  // namespace voxanne

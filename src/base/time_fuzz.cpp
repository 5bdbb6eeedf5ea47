// Times as clients and services write them: what is read is written in 24 characters that are read the same,
// and so is every time within the four digits of a year.
#include "base/time.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace voxanne;

namespace {

void check(UtcTime time) {
  const std::string written = to_rfc3339(time);
  if (written.size() != 24 || !written.ends_with('Z') || parse_rfc3339(written) != time) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto time = parse_rfc3339(text)) {
    check(*time);
    // Nothing may follow a time, and an offset of zero is Z by another name.
    if (parse_rfc3339(std::string{text} + "0")) std::abort();
    if ((text.back() | 0x20) == 'z' &&
        parse_rfc3339(std::string{text.substr(0, size - 1)} + "+00:00") != time)
      std::abort();
  }
  constexpr std::int64_t first = -62'167'219'200'000, last = 253'402'300'799'999;
  std::int64_t ms = 0;
  std::memcpy(&ms, data, size < sizeof ms ? size : sizeof ms);
  if (ms >= first && ms <= last) check(from_unix_ms(ms));
  return 0;
}

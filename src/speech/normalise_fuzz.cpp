// Any bytes: only sayable words come out, in order, within the text.
#include "speech/normalise.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  std::size_t end = 0;
  for (const auto& word : voxanne::speech::normalise(text)) {
    if (word.text.empty() || word.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz'") != std::string::npos)
      std::abort();
    if (word.source_end < end || word.source_end > size) std::abort();
    end = word.source_end;
  }
  return 0;
}

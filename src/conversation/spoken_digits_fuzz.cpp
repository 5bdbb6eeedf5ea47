// Any words are read as digits, bounded, and what is read back is understood again.
#include "conversation/spoken_digits.h"

#include <cstdint>
#include <cstdlib>

using namespace voxanne::conversation;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto dictation = parse_spoken_digits(text);
  if (dictation.digits.size() > longest_dictation || dictation.trailing > dictation.digits.size())
    std::abort();
  if (parse_spoken_digits(say_digits(dictation.digits)).digits != dictation.digits) std::abort();
  looks_like_whole_number(dictation.digits);
  return 0;
}

#include "base/json_text.h"
#include "knowledge/embed/wire.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>

// Whatever a provider answers: vectors of length one, as many as were asked for, or an error. The first byte
// says how many that are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  using namespace voxanne::knowledge;
  if (size == 0) return 0;
  const std::size_t count = data[0] % 4;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  for (const auto* model : {"m", "m@2"}) {
    const auto vectors = embed::read_answer(text, embed::parse_model(model), count);
    if (!vectors) continue;
    if (vectors->size() != count) std::abort();
    for (const auto& vector : *vectors) {
      double squares = 0;
      for (const float value : vector) squares += double{value} * double{value};
      if (!(std::abs(squares - 1) < 1e-3) || vector.size() != vectors->front().size()) std::abort();
    }
  }
  const auto wait = embed::parse_wait(text);
  if (wait && (wait->count() < 0 || wait->count() > 86'400)) std::abort();
  const auto cut = cut_for_embedding(text);
  if (is_valid_utf8(text) && !is_valid_utf8(cut)) std::abort();
  static_cast<void>(embed::parse_model(text));
  return 0;
}

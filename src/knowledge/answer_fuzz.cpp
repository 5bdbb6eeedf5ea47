#include "knowledge/answer.h"
#include "knowledge/search.h"

#include <cstdint>
#include <cstdlib>

// The first line is the question, the rest what was found: any words of a caller and of a document
// give an answer of that document, or none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto line = std::min(bytes.find('\n'), bytes.size());
  store::WordMatch found;
  found.chunk.text = bytes.substr(std::min(line + 1, bytes.size()));
  found.chunk.heading = bytes.substr(0, std::min<std::size_t>(line, 20));
  const auto answer = knowledge::best_answer(bytes.substr(0, line), {&found, 1});
  if (answer && (answer->sentence.empty() || answer->score < 0 || answer->score > 1)) std::abort();
  if (knowledge::query_words(bytes.substr(0, line)).size() > 32) std::abort();
  return 0;
}

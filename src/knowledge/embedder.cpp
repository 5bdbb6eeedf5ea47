#include "knowledge/embedder.h"

namespace voxanne::knowledge {

std::string_view cut_for_embedding(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
    if (!continues && ++characters > max_embedded_characters) return text.substr(0, i);
  }
  return text;
}

}  // namespace voxanne::knowledge

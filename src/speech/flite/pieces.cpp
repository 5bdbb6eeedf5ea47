#include "speech/flite/pieces.h"

#include <utility>

namespace voxanne::speech::flite {
namespace {

constexpr std::size_t first_clause_words = 4, clause_words = 12, most_words = 32;

}  // namespace

std::vector<Piece> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  Piece piece;
  for (auto& word : normalise(text)) {
    piece.push_back(std::move(word));
    const auto pause = piece.back().pause;
    const auto enough = pieces.empty() ? first_clause_words : clause_words;
    const bool ends = pause >= SaidWord::Pause::sentence ||
                      (pause == SaidWord::Pause::clause && piece.size() >= enough) ||
                      piece.size() >= most_words;
    if (ends) pieces.push_back(std::exchange(piece, {}));
  }
  if (!piece.empty()) pieces.push_back(std::move(piece));
  return pieces;
}

}  // namespace voxanne::speech::flite

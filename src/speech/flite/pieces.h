// A text cut into the pieces that are synthesized one after another: at sentence ends, and at clause
// ends once a piece is long enough to sound whole. The first piece is short, so that the first audio
// is early. Pure.
#pragma once

#include "speech/normalise.h"

#include <string_view>
#include <vector>

namespace voxanne::speech::flite {

using Piece = std::vector<SaidWord>;

std::vector<Piece> pieces_of(std::string_view text);

}  // namespace voxanne::speech::flite

// Telephone numbers in E.164 (ITU-T): "+", a country code that does not start with 0, at most 15
// digits in all.
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne {

// "+44 7700 900000", "+44 (0)7700-900000", "0044 7700 900000" → "+447700900000". A number without a
// country code is malformed: guessing one would call a stranger.
Result<std::string> to_e164(std::string_view text);
bool is_e164(std::string_view text);
// What a carrier says was dialled: many leave the plus out. Only for comparing with numbers that are known.
std::optional<std::string> dialled_number(std::string_view text);

}  // namespace voxanne

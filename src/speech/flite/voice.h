// flite's voices and pronunciations: the only file that touches the library. Computing is
// synchronous (about 1 % of the audio's duration) and belongs on a worker; every function may be
// called from any thread, and voices are shared.
#pragma once

#include "audio/frame.h"
#include "speech/normalise.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::speech::flite {

inline constexpr int native_rate = audio::wideband;

enum class VoiceName : unsigned char { slt, rms };
std::optional<VoiceName> voice_named(std::string_view name);

struct Rendered {
  std::vector<audio::Sample> samples;
  std::vector<std::size_t> word_ends;  // in samples, one for each word given
};

// Speaks the words at native_rate, starting at once and ending with the pause that the last word's
// punctuation asks for. At most `longest_rendering` words; more is a broken invariant (throws).
inline constexpr std::size_t longest_rendering = 64;
Rendered render(VoiceName voice, std::span<const SaidWord> words);

// The phones of a word of a–z and ', from the lexicon or by letter-to-sound rules, in CMUdict's
// phone set without stress: "voxanne" → "V AA K S AE N". Empty when it has none.
std::string pronounce(std::string_view word);

}  // namespace voxanne::speech::flite

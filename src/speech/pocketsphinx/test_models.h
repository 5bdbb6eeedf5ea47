// For this folder's tests: models in a temporary directory, and callers' voices.
#pragma once

#include "audio/g711.h"
#include "audio/resampler.h"
#include "speech/flite/voice.h"
#include "speech/pocketsphinx/language_model.h"
#include "support/dental_practice.h"
#include "support/temp_dir.h"

#include <vector>

namespace voxanne::speech::pocketsphinx {

// MODELS/demo knows a dental practice, MODELS/_general only what every receptionist does.
class TestModels {
 public:
  TestModels() {
    const ModelInput dental{test::dental_practice::knowledge(), test::dental_practice::names()};
    demo = build_model(dental, path() / "demo").value();
    build_model({}, path() / "_general").value();
  }
  std::filesystem::path path() const { return directory_.path(); }

  BuiltModel demo;

 private:
  test::TempDir directory_;
};

// As a caller: with some silence around, at 16 kHz or through G.711.
inline std::vector<audio::Sample> said(const std::string& text, int rate,
                                       flite::VoiceName voice = flite::VoiceName::rms) {
  std::vector<audio::Sample> audio(audio::wideband / 5);
  const auto speech = flite::render(voice, normalise(text)).samples;
  audio.insert(audio.end(), speech.begin(), speech.end());
  audio.resize(audio.size() + audio::wideband / 4);
  unsigned noise = 1;
  for (auto& sample : audio) {
    noise = noise * 1'664'525U + 1'013'904'223U;
    sample = static_cast<audio::Sample>(sample + static_cast<int>(noise >> 28U) - 8);
  }
  if (rate == audio::wideband) return audio;
  audio = audio::resampled(audio, audio::wideband, rate);
  std::vector<std::uint8_t> bytes(audio.size());
  audio::g711_encode(audio::Law::mu, audio, bytes);
  audio::g711_decode(audio::Law::mu, bytes, audio);
  return audio;
}

}  // namespace voxanne::speech::pocketsphinx

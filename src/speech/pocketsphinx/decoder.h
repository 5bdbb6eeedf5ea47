// One PocketSphinx decoder: audio of one utterance after another in, words out. The only file that
// touches the library, whose code calls exit() on bad input: worker processes only.
#pragma once

#include "audio/frame.h"
#include "base/result.h"
#include "speech/recognizer.h"

#include <memory>
#include <span>
#include <string>

namespace voxanne::speech::pocketsphinx {

class SphinxDecoder {
 public:
  // `model`: a directory with model.lm and model.dict. Takes about 15 ms once the acoustic model is in
  // the page cache. Errors: unavailable (model_unusable).
  static Result<std::unique_ptr<SphinxDecoder>> open(const std::string& model);
  ~SphinxDecoder();

  // 16 kHz. Begins an utterance if none is open.
  void hear(std::span<const audio::Sample> samples);
  std::string partial();
  // Ends the utterance.
  Hypothesis finish();
  void abandon();

  const std::string& model() const { return model_; }

 private:
  struct Impl;
  SphinxDecoder(std::unique_ptr<Impl> impl, std::string model);

  std::unique_ptr<Impl> impl_;
  std::string model_;
  bool open_ = false;
};

}  // namespace voxanne::speech::pocketsphinx

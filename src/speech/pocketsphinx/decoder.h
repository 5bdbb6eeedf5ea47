// One caller's PocketSphinx decoder; the only file that touches the library. It lives in a worker
// process, because the library exits the process on bad models and some bad input.
//
//   open(model) → new_caller(rate) → write(audio) … finish() → hypothesis → write …
//
// Decoding is live: most of the work is done when the speech ends, and finish() takes some
// milliseconds. When it is unsure of what it heard, it takes a second look at the whole utterance with
// the cepstral mean of that utterance (the live one is still that of an average caller), which costs
// about 5 % of its duration and halves the errors of a call's first sentences.
//
// Confidence is a logistic model over the words' lattice posteriors (mean and least) and the acoustic
// score relative to the best unconstrained one, fitted on in-domain and off-topic speech at both
// bandwidths: at 0.5 it accepts 2 % of off-topic sentences and refuses 5 % of well-heard ones.
//
// Single thread. Times count from the utterance's first sample, whatever the rate.
#pragma once

#include "audio/frame.h"
#include "base/result.h"
#include "speech/pocketsphinx/telephone_band.h"
#include "speech/recognizer.h"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ps_decoder_s;

namespace voxanne::speech::pocketsphinx {

class StockModel;

struct AcousticModel {
  std::filesystem::path directory = "/usr/share/pocketsphinx/model/en-us/en-us";
};

class Decoder {
 public:
  // `model` is a directory with model.lm and model.dict (build_model()). not_found when something is
  // missing, internal when PocketSphinx refuses it; a corrupt model may end the process.
  // With `stock`, what anybody may say is understood as well, at five times the cost.
  static Result<std::unique_ptr<Decoder>> open(const std::filesystem::path& model,
                                               const AcousticModel& acoustic = {},
                                               StockModel* stock = nullptr);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Forgets the caller before: their voice and what they said.
  void new_caller(int rate);
  // Goes on with the caller of another decoder, between utterances: their voice is known.
  void take_over(const Decoder& other);

  void write(std::span<const audio::Sample> samples);
  // What is understood so far. Words are firm (confidence 1) that stood in their place in the partial
  // before as well: the newest sound makes words that the next one unmakes.
  Hypothesis partial();
  Hypothesis finish();
  Hypothesis finish_at_once();  // without a second look
  void abandon();

  std::size_t heard_ms() const;

 private:
  explicit Decoder(ps_decoder_s* decoder) : decoder_(decoder) {}
  void start();
  void end_utterance();
  Hypothesis best_path();

  ps_decoder_s* decoder_;
  int rate_ = audio::wideband;
  TelephoneBand telephone_band_;
  bool listening_ = false;
  std::vector<audio::Sample> utterance_;  // at 16 kHz, for the second look
  std::size_t heard_ = 0;                 // samples at 16 kHz
  std::vector<std::string> partial_words_;
};

}  // namespace voxanne::speech::pocketsphinx

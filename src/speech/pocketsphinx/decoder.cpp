#include "speech/pocketsphinx/decoder.h"

#include "speech/pocketsphinx/confidence.h"

#include <pocketsphinx.h>
#include <sphinxbase/err.h>

#include <filesystem>

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr const char* acoustic_model = "/usr/share/pocketsphinx/model/en-us/en-us";
constexpr int frames_per_second = 100;

// "word(2)" is a word's second pronunciation; "<s>", "[NOISE]" and "++UM++" are no words.
std::string word_of(const char* text) {
  std::string word{text ? text : ""};
  if (word.empty() || word[0] == '<' || word[0] == '[' || word[0] == '+') return {};
  return word.substr(0, word.find('('));
}

std::string words_of(const char* hypothesis) {
  std::string out;
  std::string_view left{hypothesis ? hypothesis : ""};
  while (!left.empty()) {
    const auto end = std::min(left.find(' '), left.size());
    const std::string word = word_of(std::string{left.substr(0, end)}.c_str());
    if (!word.empty()) out.append(out.empty() ? "" : " ").append(word);
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return out;
}

}  // namespace

struct SphinxDecoder::Impl {
  explicit Impl(ps_decoder_t* d) : decoder(d) {}
  ~Impl() { ps_free(decoder); }
  ps_decoder_t* decoder;
};

SphinxDecoder::SphinxDecoder(std::unique_ptr<Impl> impl, std::string model)
    : impl_(std::move(impl)), model_(std::move(model)) {}
SphinxDecoder::~SphinxDecoder() = default;

Result<std::unique_ptr<SphinxDecoder>> SphinxDecoder::open(const std::string& model) {
  const std::string lm = model + "/model.lm", dict = model + "/model.dict";
  std::error_code absent;
  if (!std::filesystem::is_regular_file(lm, absent) || !std::filesystem::is_regular_file(dict, absent))
    return unavailable("model_unusable", "the language model " + model + " is not there");
  err_set_logfp(nullptr);
  cmd_ln_t* config = cmd_ln_init(nullptr, ps_args(), TRUE, "-hmm", acoustic_model, "-lm", lm.c_str(), "-dict",
                                 dict.c_str(), "-remove_silence", "no", "-logfn", "/dev/null", nullptr);
  if (!config) return unavailable("model_unusable", "PocketSphinx refuses its settings");
  ps_decoder_t* decoder = ps_init(config);
  cmd_ln_free_r(config);
  if (!decoder) return unavailable("model_unusable", "PocketSphinx cannot use the language model " + model);
  return std::unique_ptr<SphinxDecoder>{new SphinxDecoder{std::make_unique<Impl>(decoder), model}};
}

void SphinxDecoder::hear(std::span<const audio::Sample> samples) {
  if (!open_) {
    ps_start_utt(impl_->decoder);
    open_ = true;
  }
  ps_process_raw(impl_->decoder, samples.data(), samples.size(), FALSE, FALSE);
}

std::string SphinxDecoder::partial() {
  if (!open_) return {};
  int score = 0;
  return words_of(ps_get_hyp(impl_->decoder, &score));
}

Hypothesis SphinxDecoder::finish() {
  Hypothesis out;
  out.final = true;
  if (!open_) return out;
  ps_end_utt(impl_->decoder);
  open_ = false;
  Evidence evidence;
  for (ps_seg_t* segment = ps_seg_iter(impl_->decoder); segment; segment = ps_seg_next(segment)) {
    const std::string word = word_of(ps_seg_word(segment));
    if (word.empty()) continue;
    int first = 0, last = 0;
    ps_seg_frames(segment, &first, &last);
    int32 acoustic = 0, language = 0, backoff = 0;
    const int32 posterior = ps_seg_prob(segment, &acoustic, &language, &backoff);
    const double sure = std::min(1.0, logmath_exp(ps_get_logmath(impl_->decoder), posterior));
    evidence.add(sure, acoustic, last - first + 1);
    out.text.append(out.text.empty() ? "" : " ").append(word);
    out.words.push_back({.text = word,
                         .start_ms = first * 1'000 / frames_per_second,
                         .end_ms = (last + 1) * 1'000 / frames_per_second,
                         .confidence = sure});
  }
  out.confidence = evidence.confidence();
  return out;
}

void SphinxDecoder::abandon() {
  if (!open_) return;
  ps_end_utt(impl_->decoder);
  open_ = false;
}

}  // namespace voxanne::speech::pocketsphinx

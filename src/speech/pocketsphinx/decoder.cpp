#include "speech/pocketsphinx/decoder.h"

#include "speech/pocketsphinx/library.h"
#include "speech/pocketsphinx/stock_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

constexpr int frame_ms_of_search = 10;
constexpr std::size_t native_per_ms = audio::wideband / 1000;
constexpr double sure = 0.6;
constexpr std::size_t shortest_second_look = native_per_ms * 250, longest_second_look = native_per_ms * 6'000;

// Where live cepstral mean normalization starts: the mean over several voices, at each bandwidth. The
// acoustic model's own start is far from telephone speech (word errors of a first utterance 92 %).
using CepstralMean = std::array<float, 13>;
constexpr CepstralMean wideband_mean{49.7F, 0, 8.4F, 12, 0, -1, 2, -2.3F, -0.6F, 0.8F, 2.7F, 3.8F, 3};
constexpr CepstralMean telephone_mean{50,     7.6F, -0.7F, 17.5F, -0.2F, -7.8F, 10.6F,
                                      -12.1F, 4.3F, 2.2F,  -4.3F, 10.8F, -3.5F};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// acoustic: log score per frame relative to the best senone's, in 10,000 of the library's units.
double confidence_of(double mean_posterior, double least_posterior, double acoustic) {
  return logistic(-1.29 + 3.39 * mean_posterior + 1.23 * acoustic + 6.95 * std::sqrt(least_posterior));
}

bool is_filler(std::string_view word) {
  return word.empty() || word[0] == '<' || word[0] == '[' || word[0] == '+';
}

// "read(2)" → "read"
std::string without_variant(std::string_view word) { return std::string{word.substr(0, word.find('('))}; }

void append_word(std::string& text, std::string_view word) {
  if (!text.empty()) text += ' ';
  text += word;
}

cmn_t* cepstral_mean(ps_decoder_s* decoder) { return library().ps_get_feat(decoder)->cmn_struct; }

}  // namespace

Result<std::unique_ptr<Decoder>> Decoder::open(const fs::path& model, const AcousticModel& acoustic,
                                               StockModel* stock) {
  if (auto there = load_library(); !there) return there.error();
  const auto lm = model / "model.lm", dict = model / "model.dict";
  std::error_code error;
  for (const auto& file : {lm, dict, acoustic.directory / "mdef", acoustic.directory / "feat.params"})
    if (!fs::is_regular_file(file, error) || fs::file_size(file, error) == 0)
      return not_found("recognition_model_missing", "there is no " + file.string());

  // No silence removal: the caller's audio is gated already, and times must count every frame. No
  // second (flat) pass: it gains nothing on closed models and delays each final by 40 ms.
  silence_library();
  std::optional<MemoryFile> both;
  if (stock != nullptr) {
    auto made = stock->dictionary_with(dict);
    if (!made) return made.error();
    both = std::move(*made);
  }
  const std::string words = both ? both->path() : dict.string();
  cmd_ln_t* config =
      library().cmd_ln_init(nullptr, library().ps_args(), TRUE, "-hmm", acoustic.directory.c_str(), "-dict",
                            words.c_str(), "-lw", language_weight, "-fwdflat", "no", "-bestpath", "yes",
                            "-remove_silence", "no", "-cmn", "live", nullptr);
  if (config != nullptr && stock == nullptr) library().cmd_ln_set_str_r(config, "-lm", lm.c_str());
  ps_decoder_t* decoder = config == nullptr ? nullptr : library().ps_init(config);
  if (config != nullptr) library().cmd_ln_free_r(config);
  if (decoder == nullptr)
    return internal("recognition_model_refused", "PocketSphinx refuses the model in " + model.string());
  std::unique_ptr<Decoder> opened{new Decoder{decoder}};
  if (stock != nullptr)
    if (auto added = stock->add_to(decoder, lm); !added) return added.error();
  return opened;
}

Decoder::~Decoder() { library().ps_free(decoder_); }

void Decoder::new_caller(int rate) {
  abandon();
  rate_ = rate;
  telephone_band_ = {};
  library().ps_start_stream(decoder_);
  library().cmn_live_set(cepstral_mean(decoder_),
                         (rate == audio::narrowband ? telephone_mean : wideband_mean).data());
}

void Decoder::start() {
  if (listening_) return;
  library().ps_start_utt(decoder_);
  listening_ = true;
  utterance_.clear();
  partial_words_.clear();
  heard_ = 0;
}

void Decoder::write(std::span<const audio::Sample> samples) {
  if (samples.empty()) return;
  start();
  std::vector<audio::Sample> wide;
  if (rate_ == audio::narrowband) {
    wide.resize(samples.size() * 2);
    telephone_band_.widen(samples, wide);
    samples = wide;
  }
  heard_ += samples.size();
  // One sample more than the longest marks an utterance that is too long to look at again.
  const auto room = longest_second_look + 1 - utterance_.size();
  utterance_.insert(utterance_.end(), samples.begin(),
                    samples.begin() + static_cast<std::ptrdiff_t>(std::min(room, samples.size())));
  library().ps_process_raw(decoder_, samples.data(), samples.size(), FALSE, FALSE);
}

Hypothesis Decoder::partial() {
  Hypothesis heard;
  if (!listening_) return heard;
  for (ps_seg_t* segment = library().ps_seg_iter(decoder_); segment != nullptr;
       segment = library().ps_seg_next(segment)) {
    const auto word = without_variant(library().ps_seg_word(segment));
    if (is_filler(word)) continue;
    int first = 0, last = 0;
    library().ps_seg_frames(segment, &first, &last);
    append_word(heard.text, word);
    heard.words.push_back({word, first * frame_ms_of_search, (last + 1) * frame_ms_of_search, 0});
  }
  for (std::size_t i = 0; i < std::min(heard.words.size(), partial_words_.size()); ++i) {
    if (heard.words[i].text != partial_words_[i]) break;
    heard.words[i].confidence = 1;
  }
  partial_words_.clear();
  for (const auto& word : heard.words) partial_words_.push_back(word.text);
  return heard;
}

Hypothesis Decoder::best_path() {
  Hypothesis heard{.final = true};
  logmath_t* math = library().ps_get_logmath(decoder_);
  double posterior_sum = 0, least = 1, acoustic_sum = 0;
  int frames = 0;
  for (ps_seg_t* segment = library().ps_seg_iter(decoder_); segment != nullptr;
       segment = library().ps_seg_next(segment)) {
    const auto word = without_variant(library().ps_seg_word(segment));
    if (is_filler(word)) continue;
    int first = 0, last = 0, acoustic = 0, language = 0, backoff = 0;
    library().ps_seg_frames(segment, &first, &last);
    const double posterior = std::min(
        1.0, library().logmath_exp(math, library().ps_seg_prob(segment, &acoustic, &language, &backoff)));
    const int length = std::max(1, last - first + 1);
    append_word(heard.text, word);
    heard.words.push_back({word, first * frame_ms_of_search, (last + 1) * frame_ms_of_search,
                           confidence_of(posterior, posterior, acoustic / 10'000.0 / length)});
    posterior_sum += posterior;
    least = std::min(least, posterior);
    acoustic_sum += acoustic;
    frames += length;
  }
  if (!heard.words.empty())
    heard.confidence = confidence_of(posterior_sum / static_cast<double>(heard.words.size()), least,
                                     acoustic_sum / 10'000.0 / frames);
  return heard;
}

Hypothesis Decoder::finish_at_once() {
  if (!listening_) return {.final = true};
  end_utterance();
  return best_path();
}

Hypothesis Decoder::finish() {
  if (!listening_) return {.final = true};
  auto heard = finish_at_once();
  const auto size = utterance_.size();
  if (heard.confidence >= sure || size < shortest_second_look || size > longest_second_look) return heard;

  CepstralMean live{};
  library().cmn_live_get(cepstral_mean(decoder_), live.data());
  library().ps_start_utt(decoder_);
  library().ps_process_raw(decoder_, utterance_.data(), size, FALSE, TRUE);
  library().ps_end_utt(decoder_);
  auto again = best_path();
  // The whole-utterance mean is this caller's if it was heard well with it.
  if (again.confidence >= sure) std::copy_n(cepstral_mean(decoder_)->cmn_mean, live.size(), live.begin());
  library().cmn_live_set(cepstral_mean(decoder_), live.data());
  // Two looks that differ are a sign of nonsense, whichever of them was surer.
  const double mean = (again.confidence + heard.confidence) / 2;
  auto& better = again.confidence > heard.confidence ? again : heard;
  if (again.text != heard.text) better.confidence = mean;
  return better;
}

void Decoder::take_over(const Decoder& other) {
  abandon();
  rate_ = other.rate_;
  telephone_band_ = other.telephone_band_;
  CepstralMean live{};
  library().cmn_live_get(cepstral_mean(other.decoder_), live.data());
  library().cmn_live_set(cepstral_mean(decoder_), live.data());
}

void Decoder::abandon() {
  if (!listening_) return;
  end_utterance();
}

void Decoder::end_utterance() {
  listening_ = false;
  // The library keeps what an utterance of hardly a frame began, and asserts in the next one.
  constexpr std::size_t shortest = native_per_ms * 100;
  if (heard_ < shortest) {
    const std::vector<audio::Sample> silence(shortest - heard_);
    library().ps_process_raw(decoder_, silence.data(), silence.size(), FALSE, FALSE);
  }
  library().ps_end_utt(decoder_);
}

std::size_t Decoder::heard_ms() const { return heard_ / native_per_ms; }

}  // namespace voxanne::speech::pocketsphinx

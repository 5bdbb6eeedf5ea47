#include "speech/flite/voice.h"

#include <dlfcn.h>
#include <flite/flite.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>

extern "C" {
cst_voice* register_cmu_us_slt(const char* voxdir);
cst_lexicon* cmu_lex_init();
}

namespace voxanne::speech::flite {
namespace {

using audio::Sample;

constexpr std::size_t samples_in_ms(int ms) { return static_cast<std::size_t>(ms) * native_rate / 1000; }
constexpr std::size_t lead = samples_in_ms(15), tail = samples_in_ms(40);

struct Voice {
  cst_voice* model;
  float gain;  // to about −19 dBFS of active speech, the level of telephone prompts
};

// Registration is not thread-safe; afterwards lexicon and voices are only read.
const cst_lexicon* lexicon() {
  static const cst_lexicon* const loaded = [] {
    flite_init();
    return cmu_lex_init();
  }();
  return loaded;
}

using Register = cst_voice* (*)(const char* directory);

// A library of megabytes, needed where somebody wants this voice.
Register rms() {
  void* const handle = dlopen("libflite_cmu_us_rms.so.1", RTLD_LAZY | RTLD_LOCAL);
  void* const found = handle ? dlsym(handle, "register_cmu_us_rms") : nullptr;
  if (found == nullptr) throw std::runtime_error{std::string{"the voice rms cannot be loaded: "} + dlerror()};
  return reinterpret_cast<Register>(found);
}

const Voice& voice_model(VoiceName name) {
  static std::array<Voice, 2> voices{{{nullptr, 0.71F}, {nullptr, 1.26F}}};
  static std::mutex registering;
  const std::lock_guard lock{registering};
  Voice& voice = voices[static_cast<std::size_t>(name)];
  if (voice.model == nullptr) {
    lexicon();
    voice.model = (name == VoiceName::slt ? register_cmu_us_slt : rms())(nullptr);
  }
  return voice;
}

std::size_t pause_after(SaidWord::Pause pause) {
  switch (pause) {
    case SaidWord::Pause::none:
      return samples_in_ms(20);
    case SaidWord::Pause::clause:
      return samples_in_ms(140);
    case SaidWord::Pause::sentence:
    case SaidWord::Pause::question:
      return samples_in_ms(260);
  }
  return 0;
}

// One blank-separated token per word, so that flite's tokens are our words.
std::string text_of(std::span<const SaidWord> words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += ' ';
    text += word.letter && word.text == "a" ? "ay" : word.text;
    switch (word.pause) {
      case SaidWord::Pause::none:
        break;
      case SaidWord::Pause::clause:
        text += ',';
        break;
      case SaidWord::Pause::sentence:
        text += '.';
        break;
      case SaidWord::Pause::question:
        text += '?';
        break;
    }
  }
  return text;
}

std::size_t to_samples(float seconds) {
  return static_cast<std::size_t>(std::max(0.0F, seconds) * static_cast<float>(native_rate));
}

bool is_pause(const cst_item* segment) { return std::strcmp(item_feat_string(segment, "name"), "pau") == 0; }

// Where speech starts and ends between flite's own pauses.
std::pair<std::size_t, std::size_t> spoken_range(const cst_utterance* utterance, std::size_t total) {
  const cst_item* first = relation_head(utt_relation(utterance, "Segment"));
  const cst_item* last = relation_tail(utt_relation(utterance, "Segment"));
  std::size_t begin = 0, end = total;
  if (first != nullptr && is_pause(first)) begin = to_samples(item_feat_float(first, "end"));
  if (last != nullptr && is_pause(last) && item_prev(last) != nullptr)
    end = to_samples(item_feat_float(item_prev(last), "end"));
  begin -= std::min(begin, lead);
  end = std::clamp(end + tail, begin, total);
  return {begin, end};
}

struct DeleteUtterance {
  void operator()(cst_utterance* utterance) const { delete_utterance(utterance); }
};

}  // namespace

std::optional<VoiceName> voice_named(std::string_view name) {
  if (name == "slt") return VoiceName::slt;
  if (name == "rms") return VoiceName::rms;
  return std::nullopt;
}

Rendered render(VoiceName voice, std::span<const SaidWord> words) {
  if (words.size() > longest_rendering) throw std::length_error{"flite: too many words for one rendering"};
  Rendered out;
  if (words.empty()) return out;
  const auto [model, gain] = voice_model(voice);
  const std::unique_ptr<cst_utterance, DeleteUtterance> utterance{
      flite_synth_text(text_of(words).c_str(), model)};
  const cst_wave* wave = utterance ? utt_wave(utterance.get()) : nullptr;
  if (wave == nullptr || wave->sample_rate != native_rate || wave->num_channels != 1)
    throw std::runtime_error{"flite gave no wave at its native rate"};

  const auto total = static_cast<std::size_t>(wave->num_samples);
  const auto [begin, end] = spoken_range(utterance.get(), total);
  out.samples.reserve(end - begin + pause_after(words.back().pause));
  for (std::size_t i = begin; i < end; ++i)
    out.samples.push_back(static_cast<Sample>(std::clamp(gain * wave->samples[i], -32000.0F, 32000.0F)));

  out.word_ends.reserve(words.size());
  std::size_t at = 0;
  for (const cst_item* token = relation_head(utt_relation(utterance.get(), "Token")); token != nullptr;
       token = item_next(token)) {
    if (const cst_item* word = item_last_daughter(token); word != nullptr) {
      const auto heard =
          to_samples(flite_ffeature_float(word, "R:SylStructure.daughtern.daughtern.R:Segment.end"));
      at = std::clamp(heard - std::min(heard, begin), at, out.samples.size());
    }
    out.word_ends.push_back(at);
  }
  // Should flite ever split or merge a token, marks stay within the audio and in order.
  out.word_ends.resize(words.size(), out.samples.size());

  out.samples.resize(out.samples.size() + pause_after(words.back().pause), Sample{0});
  return out;
}

std::string pronounce(std::string_view word) {
  std::string out;
  if (word.empty()) return out;
  cst_val* phones = lex_lookup(lexicon(), std::string{word}.c_str(), nullptr, nullptr);
  for (const cst_val* phone = phones; phone != nullptr; phone = val_cdr(phone)) {
    std::string name = val_string(val_car(phone));
    while (!name.empty() && name.back() >= '0' && name.back() <= '9') name.pop_back();
    if (name == "ax") name = "ah";
    if (name == "pau" || name.empty()) continue;
    if (!out.empty()) out += ' ';
    for (const char c : name) out += static_cast<char>(c - 'a' + 'A');
  }
  if (phones != nullptr) delete_val(phones);
  return out;
}

}  // namespace voxanne::speech::flite

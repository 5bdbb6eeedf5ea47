#include "conversation/speaker.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace voxanne::conversation {
namespace {

constexpr float ducked = 0.18f;  // −15 dB
constexpr int ramp_ms = 10;      // from full level to silence
constexpr float tail_ms = 4;     // time constant with which a cut sound decays
constexpr milliseconds tone_length{300};
constexpr double tone_hz = 440, tone_level = 5'000;

audio::Sample mixed(audio::Sample sample, float level) {
  return static_cast<audio::Sample>(std::clamp(static_cast<float>(sample) + level, -32'768.f, 32'767.f));
}

}  // namespace

Speaker::Speaker(async::Executor executor, async::Clock& clock, SpeakerOptions options,
                 Ladder<speech::Synthesizer> ladder, ConversationObserver& observer)
    : executor_(executor),
      clock_(clock),
      options_(std::move(options)),
      ladder_(std::move(ladder)),
      observer_(observer),
      tasks_(executor, "speaker") {}

std::shared_ptr<Utterance> Speaker::begin() {
  interrupt();
  current_.utterance = std::make_shared<Utterance>(executor_, options_.rate);
  tasks_.spawn(synthesize(current_.utterance));
  return current_.utterance;
}

void Speaker::interrupt() {
  duck_ = false;
  if (!current_.utterance) return;
  tasks_.cancel_current();
  current_.utterance->interrupt();
  tail_ += fading_.last;  // at most one fades at a time: a second one's sound ends in the tail
  fading_ = std::exchange(current_, {});
}

void Speaker::hold(bool held) {
  if (held_ && !held && current_.utterance) current_.utterance->rewind_to_word();
  held_ = held;
}

async::Task<> Speaker::synthesize(std::shared_ptr<Utterance> utterance) {
  bool spoke = false, failed = false;
  while (const auto sentence = co_await utterance->next_unspoken()) {
    if (utterance->part_of(*sentence) == Utterance::Part::tone) {
      sound_tone(*utterance, *sentence);
      utterance->complete(*sentence, true);
      continue;
    }
    const bool whole = co_await speak(*utterance, *sentence);
    spoke |= utterance->made(*sentence) > 0;
    if (utterance->made(*sentence) == 0) {
      // Nobody can say it: the caller hears at least that the line is alive.
      failed = true;
      observer_.on_event("speech_failed", {});
      sound_tone(*utterance, *sentence);
    }
    utterance->complete(*sentence, whole);
  }
  if (spoke)
    failures_ = 0;
  else if (failed)
    ++failures_;
}

async::Task<bool> Speaker::speak(Utterance& utterance, std::size_t sentence) {
  std::size_t from = 0;
  // A busy machine makes every rung slow: before a sentence is given up, all are asked once more
  // and given more time. Not when the utterance before was mute already.
  for (const auto within : {options_.first_audio_within, options_.first_audio_at_last}) {
    if (failures_ > 0 && within == options_.first_audio_at_last) break;
    for (auto& rung : ladder_) {
      if (!may_try(rung, clock_.now())) continue;
      Trial trial{rung.breaker, clock_};
      const auto outcome = co_await stream(utterance, sentence, from, *rung.provider, within);
      if (outcome) {
        trial.succeeded();
        co_return true;
      }
      trial.failed(outcome.error());
      from = utterance.cut_to_whole_words(sentence);
      observer_.on_event("provider_failed", {{"role", "synthesizer"},
                                             {"provider", std::string{rung.provider->name()}},
                                             {"code", outcome.error().code}});
      if (from >= utterance.text_of(sentence).size()) co_return true;
    }
  }
  co_return false;
}

async::Task<Result<>> Speaker::stream(Utterance& utterance, std::size_t sentence, std::size_t from,
                                      speech::Synthesizer& synthesizer, milliseconds within) {
  const std::size_t start = utterance.made(sentence);
  std::unique_ptr<speech::SpeechStream> speech;
  try {
    speech = synthesizer.say(utterance.text_of(sentence).substr(from), options_.voice, options_.rate);
  } catch (const std::exception& e) {
    co_return internal("provider_threw", e.what());
  }
  // While the sentence before still plays, there is time.
  milliseconds patience = utterance.buffered() + within;
  for (;;) {
    auto chunk = co_await answer_of(clock_, async::Deadline::after(clock_, patience), speech->next());
    if (!chunk) co_return chunk.error();
    if (!*chunk) break;
    utterance.append(sentence, std::move(**chunk), from, start);
    co_await utterance.until_buffered_below(options_.ahead);
    patience = utterance.buffered() + options_.stall;
  }
  if (utterance.made(sentence) == start)
    co_return unavailable("no_audio", "the synthesizer made no sound for a sentence");
  co_return Result<>{};
}

void Speaker::sound_tone(Utterance& utterance, std::size_t sentence) {
  speech::SpeechChunk chunk;
  const auto samples =
      static_cast<std::size_t>(options_.rate) * static_cast<std::size_t>(tone_length.count()) / 1000;
  for (std::size_t i = 0; i < samples; ++i)
    chunk.samples.push_back(static_cast<audio::Sample>(
        tone_level * std::sin(2 * std::numbers::pi * tone_hz * static_cast<double>(i) / options_.rate)));
  utterance.append(sentence, std::move(chunk), 0, utterance.made(sentence));
}

void Speaker::fill(audio::Frame& said) {
  said.rate = options_.rate;
  said.kind = audio::Frame::Kind::silence;
  std::ranges::fill(said.samples(), audio::Sample{0});
  decay(tail_, said.samples());
  mix(fading_, 0, said);
  if (fading_.utterance && (fading_.gain <= 0 || fading_.utterance->due(1).empty())) fading_ = {};
  mix(current_, held_ ? 0 : duck_ ? ducked : 1, said);
  if (current_.utterance) current_.utterance->tick(options_.playout_delay());
}

void Speaker::mix(Voice& voice, float target, audio::Frame& said) {
  if (!voice.utterance) return;
  const auto out = said.samples();
  const float step = 1000.0f / static_cast<float>(ramp_ms * options_.rate);
  std::size_t i = 0;
  while (i < out.size() && (voice.gain > 0 || target > 0)) {
    const auto due = voice.utterance->due(out.size() - i);
    if (due.empty()) break;
    std::size_t used = 0;
    for (; used < due.size() && (voice.gain > 0 || target > 0); ++used, ++i) {
      voice.gain += std::clamp(target - voice.gain, -step, step);
      voice.last = voice.gain * static_cast<float>(due[used]);
      out[i] = mixed(out[i], voice.last);
    }
    voice.utterance->play(used);
    said.kind = audio::Frame::Kind::voice;
  }
  if (i < out.size()) {  // it ended, or its audio is late: what it was at decays instead of dropping
    float rest = std::exchange(voice.last, 0.f);
    voice.gain = 0;
    decay(rest, out.subspan(i));
    tail_ += rest;
  }
}

void Speaker::decay(float& level, std::span<audio::Sample> out) const {
  const float keep = 1 - 1000.0f / (tail_ms * static_cast<float>(options_.rate));
  for (std::size_t i = 0; i < out.size() && std::abs(level) >= 1; ++i) {
    level *= keep;
    out[i] = mixed(out[i], level);
  }
  if (std::abs(level) < 1) level = 0;
}

}  // namespace voxanne::conversation

// The assistant's voice: one Utterance at a time through the ladder of synthesizers into the
// pacer's frames. A synthesizer that fails or stalls in mid-sentence is replaced by the next rung,
// which goes on at the word not yet spoken. Level changes are ramps of 10 ms: ducking, stopping and
// a gap in the audio never click.
//
//   auto utterance = speaker.begin();
//   utterance->add("We are open from nine to five.");  utterance->close();
//   co_await utterance->finished();
//
// fill() once per slot on the media shard: no allocation. stop() before destruction.
#pragma once

#include "async/task_group.h"
#include "conversation/ladder.h"
#include "conversation/observer.h"
#include "conversation/utterance.h"

#include <functional>
#include <memory>

namespace voxanne::conversation {

struct SpeakerOptions {
  std::string voice = "slt";
  int rate = audio::narrowband;
  std::function<milliseconds()> playout_delay = [] { return milliseconds{0}; };
  milliseconds first_audio_within{1'000};   // of silence, else the next rung is asked
  milliseconds first_audio_at_last{2'500};  // the same, once all rungs have failed
  milliseconds stall{500};                  // silence allowed inside a sentence
  milliseconds ahead{4'000};                // audio made before it is due
};

class Speaker {
 public:
  Speaker(async::Executor executor, async::Clock& clock, SpeakerOptions options,
          Ladder<speech::Synthesizer> ladder, ConversationObserver& observer);
  async::Task<> stop() { return tasks_.stop(); }

  // A new utterance; one that still plays is interrupted.
  std::shared_ptr<Utterance> begin();
  // The current utterance fades out within 10 ms and is over; its synthesis is cancelled.
  void interrupt();

  void duck() { duck_ = true; }
  void unduck() { duck_ = false; }
  // On hold: keeps its place, and goes on from the start of the word.
  void hold(bool held);

  void fill(audio::Frame& said);

  // Utterances in a row of which no synthesizer made a sound.
  int failures() const { return failures_; }

 private:
  struct Voice {
    std::shared_ptr<Utterance> utterance;
    float gain = 0;
    float last = 0;  // the last sample that was played, at its level
  };

  async::Task<> synthesize(std::shared_ptr<Utterance> utterance);
  // True when all of the sentence was made.
  async::Task<bool> speak(Utterance& utterance, std::size_t sentence);
  async::Task<Result<>> stream(Utterance& utterance, std::size_t sentence, std::size_t from,
                               speech::Synthesizer& synthesizer, milliseconds within);
  void sound_tone(Utterance& utterance, std::size_t sentence);
  void mix(Voice& voice, float target, audio::Frame& said);
  void decay(float& level, std::span<audio::Sample> out) const;

  async::Executor executor_;
  async::Clock& clock_;
  SpeakerOptions options_;
  Ladder<speech::Synthesizer> ladder_;
  ConversationObserver& observer_;
  Voice current_, fading_;
  float tail_ = 0;  // what is left of sounds that were cut
  bool duck_ = false, held_ = false;
  int failures_ = 0;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::conversation

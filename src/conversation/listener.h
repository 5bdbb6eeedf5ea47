// The assistant's ear: finds speech in what is heard, lets the recognizer hear it from before its
// first syllable on, and passes on the words. A recognizer that fails, or lets the final words wait
// too long, is replaced by the next rung, which hears the same utterance again, so the turn is not
// lost. When no rung is left the listener is deaf (the caller is then guided by keys) and tries
// again every few seconds.
//
//   hear(frame) per slot → speech?      begin() … finish() | abandon()   per utterance
//   run()                → on_words(), on_final() once per finish(), on_hearing()
//
// Owner: the conversation, on its shard; run() is a task of the owner's group. hear() does not
// allocate while nobody speaks.
#pragma once

#include "async/event.h"
#include "conversation/ladder.h"
#include "conversation/observer.h"
#include "speech/recognizer.h"

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace voxanne::conversation {

// Is somebody speaking in this frame; and when that is noticed only now, since how long before it?
struct Voiced {
  bool speech = false;
  milliseconds began_ago{0};
};
using VoiceDetector = std::function<Voiced(const audio::Frame&)>;
// Energy and pitch over an adaptive floor (audio/activity.h).
VoiceDetector default_voice_detector();

struct ListenerOptions {
  std::string org;  // chooses the language model
  int rate = audio::narrowband;
  milliseconds open_within{1'000};
  milliseconds final_within{1'500};    // else the next rung, if any, hears the utterance
  milliseconds give_up_within{4'000};  // all rungs together; then the partial words must do
  milliseconds try_again{5'000};       // while deaf
  milliseconds longest_replay{8'000};  // of an utterance, for the next rung to hear
};

class ListenerEvents {
 public:
  virtual void on_words(const speech::Hypothesis& partial) = 0;
  // Exactly one per finish(), in order; empty when nothing was understood or nobody can tell.
  virtual void on_final(const speech::Hypothesis& final) = 0;
  virtual void on_hearing(bool hears) = 0;  // false: deaf

 protected:
  ~ListenerEvents() = default;
};

class Listener {
 public:
  Listener(async::Executor executor, async::Clock& clock, ListenerOptions options, VoiceDetector detector,
           Ladder<speech::Recognizer> ladder, ListenerEvents& events, ConversationObserver& observer);

  async::Task<> run();

  Voiced hear(const audio::Frame& frame);
  void begin();
  void finish();
  void abandon();
  // Once per slot: a final that is overdue ends its recognizer.
  void tick();

  bool deaf() const { return deaf_; }

 private:
  // What the recognizer was given of one utterance, until its final came.
  struct Heard {
    std::vector<audio::Sample> samples;
    std::string partial;
    bool finished = false;
    SteadyTime finished_at{}, asked_at{};  // asked: of the recognizer that hears it now
  };

  async::Task<bool> try_rung(std::size_t index);
  async::Task<bool> serve(Rung<speech::Recognizer>& rung, Trial& trial);
  void replay();
  void write(const audio::Frame& frame);
  void received(const speech::Hypothesis& hypothesis);
  void give_up_finals();
  void failed(Rung<speech::Recognizer>& rung, Trial& trial, const Error& error);

  async::Clock& clock_;
  ListenerOptions options_;
  VoiceDetector detector_;
  Ladder<speech::Recognizer> ladder_;
  ListenerEvents& events_;
  ConversationObserver& observer_;

  static constexpr std::size_t lead_in_frames = 20;  // 400 ms: onset is noticed late
  std::array<audio::Frame, lead_in_frames> lead_in_{};
  std::size_t lead_in_at_ = 0, lead_in_size_ = 0;

  std::unique_ptr<speech::RecognizerStream> stream_;
  std::deque<Heard> utterances_;  // the last one is open while `listening_`
  bool listening_ = false, deaf_ = false;
  bool last_rung_ = false;  // no other could hear what this one is slow with
  async::Event overdue_;
};

}  // namespace voxanne::conversation

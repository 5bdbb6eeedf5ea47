// What the assistant says in one go: sentences, added as they become known, their audio as it is
// made, and how far the caller heard them. The speaker fills it and plays it; who made it awaits
// finished().
//
//   add() … add() … close()     → sentences wait for their audio
//   append()                    ← the synthesizer
//   play() + tick() per slot    → the pacer
//
// One loop. Positions are samples since the utterance began to play; what is heard is what was
// played a playout delay ago.
#pragma once

#include "async/event.h"
#include "audio/frame.h"
#include "base/time.h"
#include "speech/synthesizer.h"

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace voxanne::conversation {

class Utterance {
 public:
  enum class Part { sentence, filler, tone };

  Utterance(async::Executor executor, int rate);

  // More to say, of one or more sentences; nothing after close().
  void add(std::string_view text, std::string source = {}, Part part = Part::sentence);
  void add_tone();
  void close();
  bool closed() const { return closed_; }
  bool empty() const { return sentences_.empty(); }

  // Until all was heard, or it was interrupted.
  async::Task<> finished() { return finished_.wait(); }
  void interrupt();
  bool interrupted() const { return interrupted_; }

  // Synthesis. The index of the next sentence without audio; nullopt when closed and all have it.
  async::Task<std::optional<std::size_t>> next_unspoken();
  const std::string& text_of(std::size_t sentence) const { return sentences_[sentence].text; }
  Part part_of(std::size_t sentence) const { return sentences_[sentence].part; }
  // Positions in `chunk` count from the stream's start; the stream began at `from` of the text.
  void append(std::size_t sentence, speech::SpeechChunk chunk, std::size_t from, std::size_t stream_start);
  std::size_t made(std::size_t sentence) const { return sentences_[sentence].made; }
  // No more audio comes for it; `whole`: all of its text was spoken.
  void complete(std::size_t sentence, bool whole);
  // Its provider is gone: drops the audio of a word that is not whole (unless already played) and
  // answers where in the text another provider goes on.
  std::size_t cut_to_whole_words(std::size_t sentence);
  // Audio made and not yet played.
  milliseconds buffered() const;
  async::Task<> until_buffered_below(milliseconds level);

  // Playing. Up to `count` samples that are due; empty when none are ready.
  std::span<const audio::Sample> due(std::size_t count);
  void play(std::size_t count);
  // Once per slot, after play(): remembers how far it was, and ends it when all was heard.
  void tick(milliseconds playout_delay);
  // Back to the start of the word that is playing (the call was on hold).
  void rewind_to_word();

  bool started() const { return played_ > 0; }
  bool sentence_started() const;  // and not a filler only
  bool heard_all() const { return done_; }
  milliseconds heard_for() const { return duration(heard_); }
  // Words heard in full. `replies_only` leaves fillers out.
  std::string heard_text(bool replies_only = false) const;
  std::string text() const;
  // The first source among the sentences that were heard at all.
  std::string source() const;

 private:
  struct Sentence {
    std::string text, source;
    Part part = Part::sentence;
    std::vector<audio::Sample> samples{};  // freed once played
    std::vector<speech::SpokenWord> words{};
    std::size_t begin = 0;             // position at which it starts to play
    std::size_t made = 0, played = 0;  // samples
    bool complete = false;
  };

  milliseconds duration(std::size_t samples) const {
    return milliseconds{samples * 1000 / static_cast<std::size_t>(rate_)};
  }
  std::size_t heard_of(const Sentence& sentence) const;  // length of the text that was heard

  int rate_;
  std::deque<Sentence> sentences_;
  std::size_t unspoken_ = 0, playing_ = 0, played_ = 0, heard_ = 0;
  std::array<std::size_t, 64> history_{};  // position after each of the last slots
  std::size_t slots_ = 0;
  bool closed_ = false, interrupted_ = false, done_ = false;
  async::Event changed_, drained_, finished_;
};

}  // namespace voxanne::conversation

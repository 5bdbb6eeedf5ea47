// Text to speech, one clause or sentence at a time. say() opens a stream whose next() yields audio
// at the asked rate as it is made, with the words it covers, so that a transcript can be cut where
// the caller stopped hearing. Destroying the stream cancels it.
//
// Executor: the call's shard; the computing happens on workers.
#pragma once

#include "async/task.h"
#include "audio/frame.h"
#include "base/result.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::speech {

// A word and where it ends in the utterance's audio. `text_end` is its end in the given text, so
// that text.substr(0, text_end) is what was said up to and including this word.
struct SpokenWord {
  std::size_t text_end = 0;
  std::size_t sample_end = 0;
};

struct SpeechChunk {
  std::vector<audio::Sample> samples;
  std::vector<SpokenWord> words;  // positions count from the start of the stream
};

class SpeechStream {
 public:
  virtual ~SpeechStream() = default;
  // nullopt: all was said.
  virtual async::Task<Result<std::optional<SpeechChunk>>> next() = 0;
};

class Synthesizer {
 public:
  virtual ~Synthesizer() = default;
  virtual std::string_view name() const = 0;
  virtual std::unique_ptr<SpeechStream> say(std::string text, const std::string& voice, int rate) = 0;
};

}  // namespace voxanne::speech

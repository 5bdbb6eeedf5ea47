// Speech to text. A Recognizer is a provider; a RecognizerStream is one call's ear, opened when the
// call is answered and destroyed when it ends.
//
//   write(frame) …        the caller's audio while somebody speaks (with some lead-in)
//   finish_utterance()    the end of the turn was decided: a final hypothesis shall follow
//   next()                partials as they firm up, then one final per utterance, then the next …
//
// Executor: the call's shard; write() never blocks and never computes (audio goes to a worker).
// Errors: next() answers unavailable when the provider is gone (the ladder takes the next rung) and
// keeps answering it.
#pragma once

#include "async/task.h"
#include "audio/frame.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <vector>

namespace voxanne::speech {

struct HeardWord {
  std::string text;
  int start_ms = 0, end_ms = 0;  // from the utterance's first frame
  double confidence = 0;         // 0–1; of a partial's: 0 while the word may still become another
};

struct Hypothesis {
  bool final = false;
  std::string text{};              // lower case words; empty when nothing was understood
  double confidence = 0;           // of the whole, 0–1; finals only
  std::vector<HeardWord> words{};  // may be left out of partials; then all of the text is firm
};

class RecognizerStream {
 public:
  virtual ~RecognizerStream() = default;
  virtual void write(const audio::Frame& frame) = 0;
  virtual void finish_utterance() = 0;
  // Forget what was heard since the last final (a cough, our own echo): no final follows.
  virtual void abandon_utterance() = 0;
  virtual async::Task<Result<Hypothesis>> next() = 0;
};

// The code of open()'s error where as many callers are heard as can be: nothing has failed.
inline constexpr std::string_view saturated = "recognition_saturated";

class Recognizer {
 public:
  virtual ~Recognizer() = default;
  virtual std::string_view name() const = 0;
  // `org` chooses the organization's language model; `rate` is the leg's. unavailable when
  // saturated or away.
  virtual async::Task<Result<std::unique_ptr<RecognizerStream>>> open(std::string org, int rate) = 0;
};

}  // namespace voxanne::speech

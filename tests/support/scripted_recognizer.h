// A recognizer whose answers are written beforehand. Each finish_utterance() of a stream takes the
// next ScriptedUtterance; when none is left the final is empty (nothing was understood).
//
//   ScriptedRecognizer recognizer{clock, loop.get_executor()};
//   recognizer.script = {{.text = "when are you open"}, {.text = "", .delay = 400ms}};
//
// Partials come as audio is written, so their timing follows the caller's speech, and are firm; the final
// comes `delay` after finish_utterance(). One loop; the recognizer outlives its streams.
#pragma once

#include "async/clock.h"
#include "async/event.h"
#include "speech/recognizer.h"

#include <deque>
#include <string>
#include <vector>

namespace voxanne::test {

struct ScriptedUtterance {
  enum class Ending {
    answers,
    hangs,  // no final ever comes
    fails,  // the stream is gone: unavailable, now and for ever
  };
  struct Partial {
    milliseconds after;  // of written audio, counted from the utterance's first frame
    std::string text;
  };

  std::string text{};
  double confidence = 0.9;
  milliseconds delay{50};
  Ending ending = Ending::answers;
  std::vector<Partial> partials{};
};

class ScriptedRecognizer final : public speech::Recognizer {
 public:
  ScriptedRecognizer(async::Clock& clock, async::Executor executor) : clock_(clock), executor_(executor) {}

  std::string_view name() const override { return "scripted"; }
  async::Task<Result<std::unique_ptr<speech::RecognizerStream>>> open(std::string org, int rate) override;

  // What shall happen; change it at any time.
  std::deque<ScriptedUtterance> script;  // shared by all streams, in the order of their finals
  std::optional<Error> open_error;
  milliseconds open_delay{0};

  // What happened.
  int streams_opened = 0, streams_alive = 0, finals_asked = 0, abandoned = 0;
  int frames_written = 0;
  std::string last_org;
  int last_rate = 0;

 private:
  class Stream;
  async::Clock& clock_;
  async::Executor executor_;
};

}  // namespace voxanne::test

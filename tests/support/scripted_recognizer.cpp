#include "support/scripted_recognizer.h"

#include <sstream>

namespace voxanne::test {
namespace {

speech::Hypothesis hypothesis_of(const std::string& text, double confidence, bool final, int heard_ms) {
  speech::Hypothesis hypothesis{.final = final, .text = text, .confidence = final ? confidence : 0};
  std::istringstream in{text};
  for (std::string word; in >> word;) hypothesis.words.push_back({word, 0, 0, confidence});
  const int count = static_cast<int>(hypothesis.words.size());
  for (int i = 0; i < count; ++i) {
    hypothesis.words[static_cast<std::size_t>(i)].start_ms = heard_ms * i / count;
    hypothesis.words[static_cast<std::size_t>(i)].end_ms = heard_ms * (i + 1) / count;
  }
  return hypothesis;
}

}  // namespace

class ScriptedRecognizer::Stream final : public speech::RecognizerStream {
 public:
  explicit Stream(ScriptedRecognizer& owner) : owner_(owner), changed_(owner.executor_) {
    ++owner_.streams_alive;
  }
  ~Stream() override { --owner_.streams_alive; }

  void write(const audio::Frame&) override {
    ++owner_.frames_written;
    heard_ += milliseconds{audio::frame_ms};
    if (owner_.script.empty()) return;
    const auto& partials = owner_.script.front().partials;
    while (partials_given_ < partials.size() && heard_ >= partials[partials_given_].after) {
      const auto& partial = partials[partials_given_++];
      push({owner_.clock_.now(), hypothesis_of(partial.text, 1, false, static_cast<int>(heard_.count()))});
    }
  }

  void finish_utterance() override {
    ++owner_.finals_asked;
    ScriptedUtterance utterance;
    if (!owner_.script.empty()) {
      utterance = std::move(owner_.script.front());
      owner_.script.pop_front();
    }
    const auto due = owner_.clock_.now() + utterance.delay;
    switch (utterance.ending) {
      case ScriptedUtterance::Ending::answers:
        push({due,
              hypothesis_of(utterance.text, utterance.confidence, true, static_cast<int>(heard_.count()))});
        break;
      case ScriptedUtterance::Ending::fails:
        push({due, unavailable("recognizer_gone", "the scripted recognizer failed")});
        break;
      case ScriptedUtterance::Ending::hangs:
        hung_ = true;
        break;
    }
    start_utterance();
  }

  void abandon_utterance() override {
    ++owner_.abandoned;
    // Partials of this utterance that nobody took yet; finals of earlier ones stay.
    std::erase_if(answers_, [](const Answer& answer) { return answer.result && !answer.result->final; });
    start_utterance();
  }

  async::Task<Result<speech::Hypothesis>> next() override {
    for (;;) {
      if (gone_) co_return *gone_;
      if (hung_ && answers_.empty()) co_await owner_.clock_.sleep_until(SteadyTime::max());
      if (answers_.empty()) {
        changed_.reset();
        co_await changed_.wait();
      } else if (answers_.front().due > owner_.clock_.now()) {
        co_await owner_.clock_.sleep_until(answers_.front().due);
      } else {
        auto result = std::move(answers_.front().result);
        answers_.pop_front();
        if (!result) gone_ = result.error();
        co_return result;
      }
    }
  }

 private:
  struct Answer {
    SteadyTime due;
    Result<speech::Hypothesis> result;
  };

  void push(Answer answer) {
    if (hung_) return;
    answers_.push_back(std::move(answer));
    changed_.set();
  }
  void start_utterance() {
    heard_ = milliseconds{0};
    partials_given_ = 0;
    changed_.set();
  }

  ScriptedRecognizer& owner_;
  async::Event changed_;
  std::deque<Answer> answers_;
  milliseconds heard_{0};
  std::size_t partials_given_ = 0;
  bool hung_ = false;
  std::optional<Error> gone_;
};

async::Task<Result<std::unique_ptr<speech::RecognizerStream>>> ScriptedRecognizer::open(std::string org,
                                                                                        int rate) {
  if (open_delay.count() > 0) co_await clock_.sleep_for(open_delay);
  if (open_error) co_return *open_error;
  last_org = std::move(org);
  last_rate = rate;
  ++streams_opened;
  co_return std::make_unique<Stream>(*this);
}

}  // namespace voxanne::test

// Faults swept over every await: providers whose n-th awaited answer (counted over all of them)
// fails, hangs or throws, once or from then on.
//
//   Faults faults{clock, {.at = n, .how = Faults::How::hangs}};
//   scene.recognizers = {{faulty(faults, scene.recognizer)}, {scene.recognizer}};
//
// Header only: it stands on conversation/, which only its own tests link.
#pragma once

#include "async/clock.h"
#include "conversation/responder.h"
#include "speech/recognizer.h"
#include "speech/synthesizer.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace voxanne::test {

class Faults {
 public:
  enum class How { fails, hangs, throws };
  struct Plan {
    int at = 0;  // 1: the first await
    How how = How::fails;
    bool for_good = false;
  };

  Faults(async::Clock& clock, Plan plan) : clock_(clock), plan_(plan) {}
  int awaits() const { return awaits_; }

  template <class T>
  async::Task<Result<T>> answer(async::Task<Result<T>> real) {
    ++awaits_;
    if (plan_.at == 0 || (plan_.for_good ? awaits_ < plan_.at : awaits_ != plan_.at))
      co_return co_await std::move(real);
    if (plan_.how == How::hangs) co_await clock_.sleep_until(SteadyTime::max());
    if (plan_.how == How::throws) throw std::runtime_error("a fault on purpose");
    co_return unavailable("fault", "a fault on purpose");
  }

 private:
  async::Clock& clock_;
  Plan plan_;
  int awaits_ = 0;
};

class FaultyRecognizer final : public speech::Recognizer {
 public:
  FaultyRecognizer(Faults& faults, std::shared_ptr<speech::Recognizer> real)
      : faults_(faults), real_(std::move(real)) {}
  std::string_view name() const override { return "faulty"; }
  async::Task<Result<std::unique_ptr<speech::RecognizerStream>>> open(std::string org, int rate) override {
    auto opened = co_await faults_.answer(real_->open(std::move(org), rate));
    if (!opened) co_return opened.error();
    co_return std::make_unique<Stream>(faults_, std::move(*opened));
  }

 private:
  struct Stream final : speech::RecognizerStream {
    Stream(Faults& f, std::unique_ptr<speech::RecognizerStream> r) : faults(f), real(std::move(r)) {}
    void write(const audio::Frame& frame) override { real->write(frame); }
    void finish_utterance() override { real->finish_utterance(); }
    void abandon_utterance() override { real->abandon_utterance(); }
    async::Task<Result<speech::Hypothesis>> next() override { return faults.answer(real->next()); }

    Faults& faults;
    std::unique_ptr<speech::RecognizerStream> real;
  };

  Faults& faults_;
  std::shared_ptr<speech::Recognizer> real_;
};

class FaultySynthesizer final : public speech::Synthesizer {
 public:
  FaultySynthesizer(Faults& faults, std::shared_ptr<speech::Synthesizer> real)
      : faults_(faults), real_(std::move(real)) {}
  std::string_view name() const override { return "faulty"; }
  std::unique_ptr<speech::SpeechStream> say(std::string text, const std::string& voice, int rate) override {
    return std::make_unique<Stream>(faults_, real_->say(std::move(text), voice, rate));
  }

 private:
  struct Stream final : speech::SpeechStream {
    Stream(Faults& f, std::unique_ptr<speech::SpeechStream> r) : faults(f), real(std::move(r)) {}
    async::Task<Result<std::optional<speech::SpeechChunk>>> next() override {
      return faults.answer(real->next());
    }

    Faults& faults;
    std::unique_ptr<speech::SpeechStream> real;
  };

  Faults& faults_;
  std::shared_ptr<speech::Synthesizer> real_;
};

class FaultyResponder final : public conversation::Responder {
 public:
  FaultyResponder(Faults& faults, std::shared_ptr<conversation::Responder> real)
      : faults_(faults), real_(std::move(real)) {}
  std::string_view name() const override { return "faulty"; }
  std::unique_ptr<conversation::Reply> respond(const conversation::CallerInput& input) override {
    return std::make_unique<FaultyReply>(faults_, real_->respond(input));
  }
  void interrupted(std::string_view heard) override { real_->interrupted(heard); }
  bool expects_digits() const override { return real_->expects_digits(); }
  bool takes_number() const override { return real_->takes_number(); }
  bool expects_message() const override { return real_->expects_message(); }
  bool in_dialogue() const override { return real_->in_dialogue(); }

 private:
  struct FaultyReply final : conversation::Reply {
    FaultyReply(Faults& f, std::unique_ptr<conversation::Reply> r) : faults(f), real(std::move(r)) {}
    async::Task<Result<std::optional<conversation::ReplyPart>>> next() override {
      return faults.answer(real->next());
    }

    Faults& faults;
    std::unique_ptr<conversation::Reply> real;
  };

  Faults& faults_;
  std::shared_ptr<conversation::Responder> real_;
};

}  // namespace voxanne::test

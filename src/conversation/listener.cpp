#include "conversation/listener.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <utility>

namespace voxanne::conversation {
namespace {

// A recognizer that lived so long, or answered once, was worth opening again.
constexpr milliseconds worth_reopening{2'000};
// The last partial words where the final never came: likely, not sure.
constexpr double partial_confidence = 0.4;

}  // namespace

Listener::Listener(async::Executor executor, async::Clock& clock, ListenerOptions options,
                   VoiceDetector detector, Ladder<speech::Recognizer> ladder, ListenerEvents& events,
                   ConversationObserver& observer)
    : clock_(clock),
      options_(std::move(options)),
      detector_(std::move(detector)),
      ladder_(std::move(ladder)),
      events_(events),
      observer_(observer),
      overdue_(executor) {}

async::Task<> Listener::run() {
  for (;;) {
    bool served = false;
    for (std::size_t i = 0; i < ladder_.size(); ++i) served |= co_await try_rung(i);
    if (served) continue;
    if (!std::exchange(deaf_, true)) events_.on_hearing(false);
    give_up_finals();
    co_await clock_.sleep_for(options_.try_again);
  }
}

async::Task<bool> Listener::try_rung(std::size_t index) {
  auto& rung = ladder_[index];
  if (!may_try(rung, clock_.now())) co_return false;
  Trial trial{rung.breaker, clock_};
  auto opened = co_await answer_of(clock_, async::Deadline::after(clock_, options_.open_within),
                                   rung.provider->open(options_.org, options_.rate));
  if (!opened) {
    failed(rung, trial, opened.error());
    co_return false;
  }
  // Others need not wait until this caller speaks.
  trial.promising();
  stream_ = std::move(*opened);
  last_rung_ = index + 1 == ladder_.size();
  if (std::exchange(deaf_, false)) events_.on_hearing(true);
  co_return co_await serve(rung, trial);
}

async::Task<bool> Listener::serve(Rung<speech::Recognizer>& rung, Trial& trial) {
  using namespace async::asio::experimental::awaitable_operators;
  const auto opened_at = clock_.now();
  bool answered = false;
  replay();
  for (;;) {
    overdue_.reset();
    auto next = co_await (answer_of(clock_, async::Deadline::never(), stream_->next()) || overdue_.wait());
    auto* hypothesis = std::get_if<0>(&next);
    if (hypothesis && *hypothesis) {
      answered = true;
      trial.succeeded();
      received(**hypothesis);
      continue;
    }
    failed(rung, trial,
           hypothesis ? hypothesis->error()
                      : timed_out("final_overdue", "the final words did not come in time"));
    stream_.reset();
    co_return answered || clock_.now() - opened_at >= worth_reopening;
  }
}

void Listener::replay() {
  for (auto& utterance : utterances_) {
    audio::Frame frame{.rate = options_.rate, .kind = audio::Frame::Kind::voice};
    const auto size = frame.samples().size();
    for (std::size_t at = 0; at + size <= utterance.samples.size(); at += size) {
      std::copy_n(utterance.samples.begin() + static_cast<std::ptrdiff_t>(at), size, frame.samples().begin());
      stream_->write(frame);
    }
    utterance.asked_at = clock_.now();
    if (utterance.finished) stream_->finish_utterance();
  }
}

Voiced Listener::hear(const audio::Frame& frame) {
  const auto voiced = detector_(frame);
  if (listening_) {
    write(frame);
  } else {
    lead_in_[lead_in_at_++ % lead_in_frames] = frame;
    lead_in_size_ = std::min(lead_in_size_ + 1, lead_in_frames);
  }
  return voiced;
}

void Listener::begin() {
  if (listening_) return;
  listening_ = true;
  utterances_.emplace_back();
  for (std::size_t i = lead_in_size_; i > 0; --i) write(lead_in_[(lead_in_at_ - i) % lead_in_frames]);
  lead_in_size_ = 0;
}

void Listener::write(const audio::Frame& frame) {
  auto& samples = utterances_.back().samples;
  const auto longest = static_cast<std::size_t>(options_.longest_replay.count() * options_.rate / 1000);
  if (samples.size() < longest) samples.insert(samples.end(), frame.samples().begin(), frame.samples().end());
  if (stream_) stream_->write(frame);
}

void Listener::finish() {
  if (!listening_) return;
  listening_ = false;
  auto& utterance = utterances_.back();
  utterance.finished = true;
  utterance.finished_at = utterance.asked_at = clock_.now();
  if (stream_)
    stream_->finish_utterance();
  else if (deaf_)
    give_up_finals();
}

void Listener::abandon() {
  if (!listening_) return;
  listening_ = false;
  utterances_.pop_back();
  if (stream_) stream_->abandon_utterance();
}

void Listener::tick() {
  if (utterances_.empty() || !utterances_.front().finished) return;
  const auto now = clock_.now();
  const auto& waiting = utterances_.front();
  if (stream_ && !last_rung_ && now - waiting.asked_at >= options_.final_within) overdue_.set();
  if (now - waiting.finished_at < options_.give_up_within) return;
  if (stream_) overdue_.set();
  give_up_finals();
}

void Listener::received(const speech::Hypothesis& hypothesis) {
  if (utterances_.empty()) return;
  auto& utterance = utterances_.front();
  if (hypothesis.final && utterance.finished) {
    utterances_.pop_front();
    events_.on_final(hypothesis);
    return;
  }
  utterance.partial = hypothesis.text;
  // Late words of an utterance that ended say nothing about the one that is open.
  if (!utterance.finished) events_.on_words(hypothesis);
}

void Listener::give_up_finals() {
  while (!utterances_.empty() && utterances_.front().finished) {
    speech::Hypothesis best{.final = true, .text = std::move(utterances_.front().partial)};
    if (!best.text.empty()) best.confidence = partial_confidence;
    utterances_.pop_front();
    events_.on_final(best);
  }
}

void Listener::failed(Rung<speech::Recognizer>& rung, Trial& trial, const Error& error) {
  // One that is full has not failed: there may be room for the next call at once.
  if (error.code != speech::saturated) trial.failed(error);
  observer_.on_event(
      "provider_failed",
      {{"role", "recognizer"}, {"provider", std::string{rung.provider->name()}}, {"code", error.code}});
}

}  // namespace voxanne::conversation

// What a conversation does within one 20 ms slot, and with what its recognizer tells it.
#include "conversation/conversation.h"
#include "conversation/phrases.h"

#include <utility>

namespace voxanne::conversation {
namespace {

constexpr milliseconds slot{audio::frame_ms};
constexpr milliseconds filler_again{5'000};
// "One moment, let me look": silence is then no sign that nobody is there.
constexpr milliseconds patience{15'000};

std::string firm_text(const speech::Hypothesis& partial) {
  if (partial.words.empty()) return partial.text;
  std::string text;
  for (const auto& word : partial.words) {
    if (word.confidence <= 0) break;
    text.append(text.empty() ? "" : " ").append(word.text);
  }
  return text;
}

int ms_between(SteadyTime from, SteadyTime to) {
  return static_cast<int>(std::chrono::floor<milliseconds>(to - from).count());
}

}  // namespace

void Conversation::exchange(const audio::Frame& heard, audio::Frame& said) {
  now_ += slot;
  if (over_) return speaker_.fill(said);
  const Voiced voiced = held_ ? Voiced{} : listener_.hear(heard);
  const bool echo = echo_.is_echo(heard);
  apply(turns_.frame(now_, voiced.speech && !echo, voiced.began_ago));
  speaker_.fill(said);
  echo_.said(said);
  note_speaking();
  listener_.tick();
  if (auto digits = keypad_.tick(now_)) keys(std::move(*digits));
  watch_time();
  watch_filler();
}

void Conversation::apply(const TurnTaker::Actions& actions) {
  if (actions.begin) {
    partial_.clear();
    listener_.begin();
  }
  if (actions.duck) speaker_.duck();
  if (actions.unduck) speaker_.unduck();
  if (actions.barge_in) barge_in();
  if (actions.withdraw) withdraw();
  if (actions.discard) listener_.abandon();
  if (actions.end_turn) {
    ended_.push_back({*actions.end_turn, clock_.now()});
    if (responders_.expects_message()) keypad_.ended(now_);
    listener_.finish();
  }
  if (actions.discard || actions.end_turn) wake_.set();
}

void Conversation::barge_in() {
  EventDetails details{{"cause", turns_.barge_in_cause()}, {"atMs", now_.count()}};
  if (turns_.open()) details.emplace_back("onsetToDecisionMs", (now_ - turns_.speech_start()).count());
  observer_.on_event("barge_in", std::move(details));
  fall_silent();
  observer_.on_clear_playout();
}

void Conversation::fall_silent() {
  speaker_.interrupt();
  end_saying();
  interrupted_.set();
  wake_.set();
}

void Conversation::withdraw() {
  observer_.on_event("reply_withdrawn", {});
  fall_silent();
}

void Conversation::note_speaking() {
  if (!saying_) return;
  const auto& utterance = *saying_->utterance;
  if (utterance.started() && !saying_->started) {
    saying_->started = now_ - slot;
    turns_.assistant(TurnTaker::Assistant::speaking);
  }
  // A filler is no answer yet.
  if (saying_->reply && saying_->first_sentence && !saying_->latency.first_audio_ms &&
      utterance.sentence_started())
    saying_->latency.first_audio_ms = ms_between(*saying_->first_sentence, clock_.now());
  if (utterance.heard_all()) turns_.assistant(TurnTaker::Assistant::quiet);
}

void Conversation::watch_time() {
  switch (const auto action = idle_.tick(now_, is_quiet())) {
    case Idle::Action::none:
      return;
    case Idle::Action::time_up:
      observer_.on_event("max_duration_reached", {});
      time_up_ = true;
      fall_silent();
      if (held_) finish(domain::ended::max_duration);
      return;
    default:
      nudge_ = action;
      wake_.set();
  }
}

bool Conversation::is_quiet() const {
  return !held_ && !saying_ && !turns_.open() && ended_.empty() && inputs_.empty() && !unanswered_ &&
         nudge_ == Idle::Action::none && !keypad_.gathering();
}

// Nothing was heard from us since the caller ended: while the words are recognized or the reply is
// thought about.
void Conversation::watch_filler() {
  if (held_) return;
  const bool thinking = saying_ && saying_->reply && !saying_->first_sentence;
  const bool recognizing = !saying_ && !ended_.empty();
  if (!thinking && !recognizing) return;
  if (!waited_since_) waited_since_ = now_;
  if (now_ - *waited_since_ < options_.filler_after) return;
  waited_since_ = now_ + filler_again;
  if (thinking) {
    observer_.on_event("filler", {});
    add_sentence(*saying_->utterance, options_.prompts.filler, {}, Utterance::Part::filler);
  } else {
    filler_due_ = true;
    wake_.set();
  }
}

void Conversation::on_digit(char digit) {
  if (held_ || over_) return;
  if (keypad_.is_late(now_, digit)) return idle_.caller_acted();
  const bool ends_message = digit == '#' && responders_.expects_message() && turns_.open();
  apply(ends_message ? turns_.end_now(now_) : turns_.digit(now_));
  if (ends_message) return;
  const auto awaiting = responders_.expects_digits() ? Keypad::Awaiting::number
                        : responders_.takes_number() ? Keypad::Awaiting::either
                                                     : Keypad::Awaiting::choice;
  if (auto digits = keypad_.press(now_, digit, awaiting)) keys(std::move(*digits));
}

void Conversation::keys(std::string digits) {
  observer_.on_event("keys", {{"count", std::int64_t(digits.size())}});
  const int at = static_cast<int>(now_.count());
  push({.input = {.kind = CallerInput::Kind::digits, .text = std::move(digits), .start_ms = at, .end_ms = at},
        .known = clock_.now()});
}

void Conversation::on_hold(bool held) {
  if (over_ || held == held_) return;
  observer_.on_event(held ? "held" : "resumed", {});
  held_ = held;
  apply(turns_.hold(held));
  speaker_.hold(held);
  if (held && time_up_) finish(domain::ended::max_duration);
}

void Conversation::on_words(const speech::Hypothesis& partial) {
  if (over_ || partial.text.empty()) return;
  if (partial.text != partial_) observer_.on_partial(domain::Speaker::caller, partial.text);
  partial_ = partial.text;
  apply(turns_.partial(now_, partial.text, firm_text(partial)));
}

void Conversation::on_final(const speech::Hypothesis& final) {
  if (over_ || ended_.empty()) return;
  const auto ended = ended_.front();
  ended_.pop_front();
  settle(ended, final);
  // Nobody waits for an answer where the words were none, or are known now.
  if (ended_.empty()) filler_due_ = false;
  const bool thinking = saying_ && saying_->reply && !saying_->first_sentence;
  if (ended_.empty() && inputs_.empty() && !thinking) waited_since_.reset();
  wake_.set();
}

void Conversation::settle(const Ended& ended, const speech::Hypothesis& final) {
  const bool trusted = final.confidence >= options_.trust_above;
  auto outcome = turns_.judge(ended.span, trusted ? std::string_view{final.text} : std::string_view{});
  // What stops the assistant must be sure.
  if (outcome == TurnTaker::Outcome::barge_in && final.confidence < options_.interrupts_above)
    outcome = TurnTaker::Outcome::backchannel;
  Input input{.input = {.kind = CallerInput::Kind::speech,
                        .text = final.text,
                        .confidence = final.confidence,
                        .start_ms = static_cast<int>(ended.span.start.count()),
                        .end_ms = static_cast<int>(ended.span.end.count())},
              .latency = {.endpointing_ms = static_cast<int>((ended.span.decided - ended.span.end).count()),
                          .recognition_ms = ms_between(ended.decided, clock_.now()),
                          .thinking_ms = {},
                          .first_audio_ms = {}},
              .known = clock_.now()};
  if (outcome != TurnTaker::Outcome::nothing) idle_.caller_acted();
  switch (outcome) {
    case TurnTaker::Outcome::nothing:
      return;
    case TurnTaker::Outcome::backchannel:
      observer_.on_event("backchannel", {});
      return emit_turn(ended.span, final);
    case TurnTaker::Outcome::early_answer:
      emit_turn(ended.span, final);
      early_ = std::move(input);
      return;
    case TurnTaker::Outcome::unclear:
      observer_.on_event("not_understood", {});
      input.input.kind = CallerInput::Kind::not_understood;
      break;
    case TurnTaker::Outcome::barge_in:
      observer_.on_event("barge_in", {{"cause", "final words"},
                                      {"atMs", now_.count()},
                                      {"onsetToDecisionMs", (now_ - ended.span.start).count()}});
      fall_silent();
      observer_.on_clear_playout();
      break;
    case TurnTaker::Outcome::turn:
      break;
  }
  emit_turn(ended.span, final);
  push(std::move(input));
}

void Conversation::emit_turn(const CallerSpan& span, const speech::Hypothesis& final) {
  if (final.text.empty()) return;
  observer_.on_turn({.id = TurnId::make(),
                     .speaker = domain::Speaker::caller,
                     .text = final.text,
                     .start_ms = static_cast<int>(span.start.count()),
                     .end_ms = static_cast<int>(span.end.count()),
                     .confidence = final.confidence,
                     .source = {},
                     .latency = {}});
}

void Conversation::push(Input input) {
  idle_.caller_acted();
  if (asks_to_wait(words_of(input.input.text))) idle_.be_patient(patience);
  inputs_.push_back(std::move(input));
  // More came while the reply to what was before is not heard yet: one reply to both.
  if (saying_ && saying_->reply && !saying_->started) withdraw();
  wake_.set();
}

void Conversation::on_hearing(bool hears) {
  observer_.on_event(hears ? "hears_again" : "deaf", {});
  wake_.set();
}

}  // namespace voxanne::conversation

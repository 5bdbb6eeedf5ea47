#include "conversation/turn_taker.h"

#include "audio/frame.h"
#include "conversation/phrases.h"
#include "conversation/spoken_digits.h"

#include <algorithm>
#include <utility>

namespace voxanne::conversation {
namespace {

constexpr milliseconds slot{audio::frame_ms};
// So many digits at the end of the words mean dictation even when no number was asked for.
constexpr std::size_t dictation_tail = 3;
// A pause that is part of speech: a plosive, a breath.
constexpr milliseconds inside_a_word{120};
// After it another utterance begins: "uh huh … okay".
constexpr milliseconds between_utterances{200};
// Speech that goes on so long after the assistant ended is more than attention to it.
constexpr milliseconds alone_enough{300};
// Of a stretch of speech so much is heard as speech: consonants and short pauses are not. Recorded
// sentences that a count of sounding frames alone decided at up to 1.3 s are decided in time by this.
constexpr double sounding_share = 0.6;

}  // namespace

TurnTaker::Actions TurnTaker::frame(CallTime now, bool speech, milliseconds began_ago) {
  Actions actions;
  if (held_) return actions;
  if (!speech) {
    const auto quiet = now - last_speech_;
    if (quiet >= timing_.burst_gap) {
      burst_ = milliseconds{0};
      if (std::exchange(ducked_, false)) actions.unduck = true;
    }
    if (open_ && quiet >= pause_) close(actions, now);
    return actions;
  }

  const auto gap = now - slot - last_speech_;
  const auto more = slot + (burst_.count() > 0 && gap <= inside_a_word ? gap : milliseconds{0});
  burst_ += burst_.count() > 0 ? more : began_ago + slot;
  stretch_ = gap < between_utterances && stretch_.count() > 0 ? stretch_ + more : began_ago + slot;
  if (burst_ <= began_ago + slot) burst_start_ = std::max(now - burst_, CallTime{0});
  if (!open_ && burst_ <= began_ago + slot) start_ = burst_start_;
  last_speech_ = now;
  if (open_) {
    voiced_ += more;
  } else if (burst_ >= timing_.onset) {
    open_ = actions.begin = true;
    voiced_ = burst_;
    contested_ = assistant_ == Assistant::speaking;
    alone_ = milliseconds{0};
  }
  if (open_ && assistant_ == Assistant::quiet) {
    alone_ += slot;
    if (alone_ >= alone_enough) contested_ = false;
  }
  if (assistant_ == Assistant::speaking) {
    if (burst_ >= timing_.duck_after && !ducked_) ducked_ = actions.duck = true;
    if (words_suffice())
      decide(actions, "words");
    else if (is_long_speech(now) && !closing_)
      decide(actions, "speech");
  } else if (assistant_ == Assistant::thinking && burst_ >= timing_.duck_after) {
    assistant_ = Assistant::quiet;
    actions.withdraw = true;
  }
  const auto longest = awaiting_ == Awaiting::message ? timing_.longest_message : timing_.longest_turn;
  if (open_ && now - start_ >= longest) close(actions, now);
  return actions;
}

TurnTaker::Actions TurnTaker::partial(CallTime, std::string_view text, std::string_view firm) {
  Actions actions;
  if (!open_ || held_) return actions;
  partial_text_ = text;
  partial_ = words_of(text);
  choose_pause();
  const auto sure = words_of(firm);
  if (!takes_turn(sure) || ends_in_attention(partial_) || !(has_content(sure) || has_beginning(sure)))
    words_after_ = milliseconds::max();
  else
    words_after_ = sure.size() >= 2 && has_content(sure) ? timing_.duck_after : timing_.beginning_after;
  // Words alone may be the recognizer's guess at a noise: they count together with speech.
  if (assistant_ == Assistant::speaking && words_suffice()) decide(actions, "words");
  return actions;
}

TurnTaker::Actions TurnTaker::digit(CallTime now) {
  Actions actions;
  if (assistant_ == Assistant::speaking) decide(actions, "digit");
  if (open_) {
    if (partial_.empty() && awaiting_ != Awaiting::message) {
      open_ = false;
      burst_ = milliseconds{0};
      forget_words();
      actions.discard = true;
    } else {
      close(actions, now);
    }
  }
  return actions;
}

TurnTaker::Actions TurnTaker::end_now(CallTime now) {
  Actions actions;
  if (open_) close(actions, now);
  return actions;
}

TurnTaker::Actions TurnTaker::hold(bool held) {
  Actions actions;
  held_ = held;
  if (held && open_) {
    open_ = false;
    forget_words();
    actions.discard = true;
  }
  burst_ = milliseconds{0};
  if (std::exchange(ducked_, false)) actions.unduck = true;
  return actions;
}

TurnTaker::Outcome TurnTaker::judge(const CallerSpan& span, std::string_view text) const {
  const auto words = words_of(text);
  if (words.empty())
    return !span.over_assistant && span.voiced >= timing_.unclear_after ? Outcome::unclear : Outcome::nothing;
  if (!span.over_assistant) return Outcome::turn;
  if (assistant_ == Assistant::speaking) {
    if (is_backchannel(words)) return asks_ ? Outcome::early_answer : Outcome::backchannel;
    if (takes_turn(words) && has_content(words)) return Outcome::barge_in;
    return occurs_in(words, saying_) ? Outcome::nothing : Outcome::backchannel;
  }
  return is_backchannel(words) && !asks_ ? Outcome::backchannel : Outcome::turn;
}

void TurnTaker::assistant(Assistant does) {
  assistant_ = does;
  if (does != Assistant::speaking) ducked_ = false;
}

void TurnTaker::assistant_says(std::string_view text) {
  saying_ = words_of(text);
  const auto last = text.find_last_not_of(" \n");
  asks_ = last != std::string_view::npos && text[last] == '?';
}

void TurnTaker::await(Awaiting what) {
  if (std::exchange(awaiting_, what) != what) choose_pause();
}

void TurnTaker::choose_pause() {
  pause_ = looks_complete(partial_) ? timing_.complete_pause : timing_.open_pause;
  if (awaiting_ == Awaiting::message) {
    pause_ = timing_.message_pause;
    return;
  }
  const auto dictated = parse_spoken_digits(partial_text_);
  if (dictated.trailing >= dictation_tail || (awaiting_ == Awaiting::digits && dictated.trailing > 0))
    pause_ = looks_like_whole_number(dictated.digits) ? timing_.open_pause : timing_.dictation_pause;
}

bool TurnTaker::words_suffice() const {
  // What is only a beginning has to go on.
  return (words_after_ == timing_.beginning_after ? stretch_ : voiced_) >= words_after_;
}

bool TurnTaker::is_long_speech(CallTime now) const {
  const auto span = now - burst_start_;
  const auto sounding = static_cast<double>(burst_.count());
  return burst_ >= timing_.decide_after ||
         (span >= timing_.decide_after && sounding >= sounding_share * static_cast<double>(span.count()));
}

bool TurnTaker::takes_turn(const std::vector<std::string>& words) const {
  if (words.empty() || is_backchannel(words) || occurs_in(words, saying_)) return false;
  // "But okay", "above okay" are what a recognizer makes of "uh huh, okay".
  if (ends_in_attention(words) || (has_attention(words) && !has_content(words))) return false;
  return !closing_ || !is_farewell(words);
}

void TurnTaker::decide(Actions& actions, std::string cause) {
  assistant_ = Assistant::quiet;
  ducked_ = contested_ = false;
  actions.barge_in = true;
  actions.duck = false;
  cause_ = std::move(cause);
}

void TurnTaker::close(Actions& actions, CallTime now) {
  actions.end_turn = CallerSpan{start_, last_speech_, now, voiced_, contested_};
  open_ = false;
  burst_ = milliseconds{0};
  voiced_ = milliseconds{0};
  forget_words();
}

void TurnTaker::forget_words() {
  partial_.clear();
  partial_text_.clear();
  words_after_ = milliseconds::max();
  choose_pause();
}

}  // namespace voxanne::conversation

// Whose turn it is. A pure state machine over time-stamped inputs (activity per 20 ms slot, partial
// words, keys, what the assistant does) that answers what to do now. No clock, no I/O.
//
//   caller    ......████████████████████..........
//                   |150 ms     |words or 800 ms |450–1700 ms of quiet
//                   duck        barge-in         end of turn
//
// Short sounds and "mm-hmm" while the assistant speaks only duck it for a moment. Where it is quiet
// or still thinking, there is nothing to duck: a caller who goes on before the reply is heard
// withdraws the reply instead, and what is added belongs to the same turn.
#pragma once

#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::conversation {

// Since answer, in steps of 20 ms.
using CallTime = milliseconds;

struct TurnTiming {
  milliseconds complete_pause{450};     // quiet that ends a turn that looks complete …
  milliseconds open_pause{950};         // … that does not
  milliseconds dictation_pause{1'700};  // … while a number is dictated
  milliseconds message_pause{3'000};    // … while a voice message is recorded
  milliseconds onset{60};               // of speech, before it is anything at all
  milliseconds duck_after{150};
  milliseconds beginning_after{500};  // of speech, for a lone word, or a mere beginning ("can i"), to count
  milliseconds decide_after{800};     // from onset, with such pauses in it as speech has
  milliseconds burst_gap{300};        // quiet after which speech over the assistant counts anew
  milliseconds longest_turn{30'000};  // then it ends, whatever is said
  milliseconds longest_message{120'000};
  milliseconds unclear_after{400};  // speech that long without words was not understood
};

// One stretch of the caller's speech, from onset to the decision that it ended.
struct CallerSpan {
  CallTime start{0}, end{0}, decided{0};  // `end` is the last speech, `decided` when the turn ended
  milliseconds voiced{0};
  bool over_assistant = false;  // began while the assistant spoke, and did not take the turn
};

class TurnTaker {
 public:
  enum class Assistant { quiet, thinking, speaking };
  enum class Awaiting { words, digits, message };

  struct Actions {
    bool begin = false;                  // speech began: let the recognizer hear it, lead-in included
    bool duck = false;                   // attenuate the assistant
    bool unduck = false;                 // it was nothing: full level again
    bool barge_in = false;               // the caller takes the turn: silence now
    bool withdraw = false;               // the caller goes on: drop the reply that is not heard yet
    bool discard = false;                // what was heard was nothing: forget it
    std::optional<CallerSpan> end_turn;  // ask for the final words
  };

  explicit TurnTaker(TurnTiming timing) : timing_(timing) { choose_pause(); }

  // `now` never goes back. frame() once per slot; `began_ago`: speech was noticed only now, but
  // began so long before this slot.
  Actions frame(CallTime now, bool speech, milliseconds began_ago = milliseconds{0});
  // `firm`: of the words those that will not change any more; a barge-in is decided by them alone.
  Actions partial(CallTime now, std::string_view text, std::string_view firm);
  Actions partial(CallTime now, std::string_view text) { return partial(now, text, text); }
  Actions digit(CallTime now);
  // Ends the open turn now (the hash key after a voice message).
  Actions end_now(CallTime now);

  // What became of a span once its final words are known.
  enum class Outcome {
    turn,          // the caller's turn: answer it
    barge_in,      // the same, and the assistant, still speaking, stops
    early_answer,  // "yes" over the end of a question: a turn if the assistant ends shortly after
    backchannel,   // attention; the assistant goes on
    unclear,       // somebody spoke, no words
    nothing,       // noise, or our own echo
  };
  Outcome judge(const CallerSpan& span, std::string_view text) const;

  void assistant(Assistant does);
  // What it is saying in this utterance so far: words that come back are an echo, and a question may be
  // answered before it ends.
  void assistant_says(std::string_view text);
  // A goodbye: "bye" and long farewells do not stop it.
  void closing(bool yes) { closing_ = yes; }
  void await(Awaiting what);
  // On hold nothing is heard; what was open is dropped.
  Actions hold(bool held);

  // The caller is in a turn of their own now, past doubt.
  bool caller_speaks() const { return open_ && voiced_ >= timing_.duck_after; }
  bool open() const { return open_; }
  CallTime speech_start() const { return start_; }
  const std::string& barge_in_cause() const { return cause_; }

 private:
  void choose_pause();
  bool words_suffice() const;
  bool is_long_speech(CallTime now) const;
  bool takes_turn(const std::vector<std::string>& words) const;
  void decide(Actions& actions, std::string cause);
  void close(Actions& actions, CallTime now);
  void forget_words();

  TurnTiming timing_;
  Assistant assistant_ = Assistant::quiet;
  Awaiting awaiting_ = Awaiting::words;
  std::vector<std::string> saying_;
  bool asks_ = false, closing_ = false, held_ = false;

  bool open_ = false;  // past onset; the recognizer hears
  bool ducked_ = false;
  bool contested_ = false;  // the open turn began over the assistant and has not taken the turn
  CallTime start_{0}, last_speech_{0};
  milliseconds burst_{0};  // speech since the last burst_gap
  CallTime burst_start_{0};
  milliseconds stretch_{0};  // speech since a pause that parts utterances
  milliseconds voiced_{0};   // speech in the open turn
  milliseconds alone_{0};    // … of which the assistant was quiet
  milliseconds pause_{0};    // quiet that ends the open turn
  std::vector<std::string> partial_;
  // So much speech takes the turn together with what was surely understood so far.
  milliseconds words_after_ = milliseconds::max();
  std::string partial_text_, cause_;
};

}  // namespace voxanne::conversation

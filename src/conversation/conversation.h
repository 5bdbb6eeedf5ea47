// One call's conversation, from greeting to goodbye, over providers that may fail at any moment.
//
//   heard ─▶ EchoGuard, Listener ─▶ TurnTaker ─▶ run(): Responder ─▶ Speaker ─▶ said
//            (Recognizer ladder)    duck, barge-in       (ladder)   (Synthesizer ladder)
//
// exchange() does what must happen in its slot (hear, decide whose turn it is, duck, fall silent,
// fill the frame); run() is the sequence: greet, then listen and answer until somebody ends it.
// The caller always hears something within a bounded time: an answer, a filler, a re-asking, the
// keypad's menu, at worst a tone.
//
// Lifecycle: construct, spawn run(), give it to the leg as its Exchange; stop() ends run() within
// the current step; destroy after run() returned. Everything on the call's shard. Times in turns
// are counted in slots since the first exchange(), so they match the recording.
#pragma once

#include "conversation/echo_guard.h"
#include "conversation/idle.h"
#include "conversation/keypad.h"
#include "conversation/listener.h"
#include "conversation/observer.h"
#include "conversation/responder_ladder.h"
#include "conversation/speaker.h"
#include "conversation/turn_taker.h"
#include "domain/assistant.h"
#include "domain/call.h"
#include "media/exchange.h"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::conversation {

// What a conversation says on its own account.
struct Prompts {
  std::string filler = "One moment please.";
  std::string still_there = "Are you still there?";
  std::string still_here = "I'm still here if there is anything I can help you with.";
  std::string nobody_there = "I can't hear anyone, so I'll hang up now. Please call again any time.";
  std::string minute_left = "Just so you know, this call will end in about a minute.";
  std::string time_up = "I'm sorry, we have run out of time for this call.";
};

// Its sentences, and the assistant's own, one by one as they are spoken: to be kept as audio for
// when no synthesizer works (speech/prompts.h).
std::vector<std::string> fixed_sentences(const Prompts& prompts, const domain::Assistant& assistant);

struct ConversationOptions {
  domain::Assistant assistant;        // greeting, goodbye, voice, limits
  std::string org;                    // chooses the recognizer's language model
  std::string call_id{}, trace_id{};  // for the log
  int rate = audio::narrowband;
  std::function<milliseconds()> playout_delay = [] { return milliseconds{0}; };  // Leg::playout_delay
  VoiceDetector voice_detector = default_voice_detector();
  TurnTiming timing{};
  Prompts prompts{};
  milliseconds filler_after{1'200};
  double trust_above = 0.2;       // confidence below which words are not words
  double interrupts_above = 0.5;  // … and below which final words do not stop the assistant
};

struct Providers {
  Ladder<speech::Recognizer> recognizers;    // may be empty: guided by keys from the start
  Ladder<speech::Synthesizer> synthesizers;  // last: embedded
  Ladder<Responder> responders;              // last: the house
};

using ConversationEnd = domain::Verdict;

class Conversation final : public media::Exchange, private ListenerEvents {
 public:
  Conversation(async::Executor executor, async::Clock& clock, ConversationOptions options,
               Providers providers, ConversationObserver& observer);

  // The conversation's own verdict, or the one given to stop(). Never throws.
  async::Task<ConversationEnd> run();

  void exchange(const audio::Frame& heard, audio::Frame& said) override;
  void skip(int slots) override { now_ += slots * milliseconds{audio::frame_ms}; }
  void on_digit(char digit);
  void on_hold(bool held);
  // The assistant says this as soon as nobody is speaking.
  void say(std::string text);
  // After run(): what the caller had begun to leave for somebody and nobody has kept.
  std::optional<TakenMessage> unfinished_message() const { return responders_.unfinished(); }
  // The leg ended, or somebody ends the call: falls silent now, without a goodbye.
  void stop(ConversationEnd why);

 private:
  // The assistant's utterance in progress and what its turn will be recorded with.
  struct Saying {
    std::shared_ptr<Utterance> utterance;
    bool reply = false;  // answers a turn of the caller
    domain::TurnLatency latency{};
    SteadyTime input_known{};
    std::optional<SteadyTime> first_sentence{};
    std::optional<CallTime> started{};
  };
  struct Input {
    CallerInput input;
    domain::TurnLatency latency{};
    SteadyTime known{};  // when its words were final
  };
  // The caller's speech that ended and whose final words are awaited.
  struct Ended {
    CallerSpan span;
    SteadyTime decided{};
  };

  // The sequence (conversation.cpp).
  async::Task<> converse();
  async::Task<> announce();
  async::Task<std::optional<Input>> next_input();
  async::Task<> answer(Input input);
  async::Task<> deliver(const Input& input, std::shared_ptr<Utterance> utterance, bool& hang_up);
  async::Task<bool> speak(std::string text);
  async::Task<> say_goodbye(std::string text, std::string_view reason);
  async::Task<> follow_nudge();
  std::optional<Input> take_input();
  bool failed_for_good();
  void begin_saying(bool reply);
  void add_sentence(Utterance& utterance, std::string_view text, std::string source, Utterance::Part part);
  void end_saying();
  void set_awaiting();
  void take_early_answer();
  void finish(std::string_view reason, domain::FaultParty fault = domain::FaultParty::nobody,
              std::string detail = {});

  // The slot (conversation_slot.cpp).
  void apply(const TurnTaker::Actions& actions);
  void barge_in();
  void fall_silent();
  void withdraw();
  void note_speaking();
  void watch_time();
  void watch_filler();
  bool is_quiet() const;
  void keys(std::string digits);
  void settle(const Ended& ended, const speech::Hypothesis& final);
  void emit_turn(const CallerSpan& span, const speech::Hypothesis& final);
  void push(Input input);

  void on_words(const speech::Hypothesis& partial) override;
  void on_final(const speech::Hypothesis& final) override;
  void on_hearing(bool hears) override;

  async::Clock& clock_;
  ConversationOptions options_;
  ConversationObserver& observer_;
  Speaker speaker_;
  Listener listener_;
  ResponderLadder responders_;
  TurnTaker turns_;
  EchoGuard echo_;
  Idle idle_;
  Keypad keypad_;

  CallTime now_{0};
  std::optional<Saying> saying_;
  std::deque<Ended> ended_;
  std::string partial_;  // of the caller, as it was told last
  std::deque<Input> inputs_;
  std::optional<Input> unanswered_;       // its reply was withdrawn, and it is answered anew
  std::optional<Input> early_;            // said over the end of a question
  std::optional<CallTime> waited_since_;  // for an answer: when the filler is due
  std::deque<std::string> announcements_;
  Idle::Action nudge_ = Idle::Action::none;
  bool time_up_ = false, filler_due_ = false, held_ = false, told_deaf_ = false, over_ = false;
  std::optional<ConversationEnd> end_;

  async::Event wake_, interrupted_, stopped_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::conversation

// The responders of a call as one: the first rung that answers in time answers. One that fails
// before it spoke is replaced inside the turn; one that fails after its first sentence is followed
// by the next rung's whole answer ("Let me put that again."). What was not understood, and keys
// while deaf, go to the last rung, the house, which knows what to do without words; and a rung in
// the middle of a dialogue keeps it.
//
// Owner: the conversation; replies must not outlive it.
#pragma once

#include "conversation/ladder.h"
#include "conversation/observer.h"
#include "conversation/responder.h"

namespace voxanne::conversation {

struct ResponderLadderOptions {
  milliseconds first_sentence_within{3'000};  // of one rung
  milliseconds next_sentence_within{5'000};
  milliseconds last_rung_within{12'000};  // it bounds itself; this is for a defect
  std::string again = "Sorry, let me put that again.";
  std::string apology = "I'm sorry, something went wrong on our side just now. Could you ask me again?";
};

class ResponderLadder final : public Responder {
 public:
  ResponderLadder(async::Clock& clock, ResponderLadderOptions options, Ladder<Responder> ladder,
                  ConversationObserver& observer);

  std::string_view name() const override { return "ladder"; }
  std::unique_ptr<Reply> respond(const CallerInput& input) override;
  void interrupted(std::string_view heard) override;
  bool expects_digits() const override { return answering().expects_digits(); }
  bool takes_number() const override { return answering().takes_number(); }
  bool expects_message() const override { return answering().expects_message(); }
  bool in_dialogue() const override { return answering().in_dialogue(); }
  std::optional<TakenMessage> unfinished() const override;

  // Turns in a row that no rung could answer.
  int failures() const { return failures_; }

 private:
  class LadderReply;

  Responder& answering() const { return *ladder_[answering_].provider; }
  std::size_t first_for(const CallerInput& input) const;

  async::Clock& clock_;
  ResponderLadderOptions options_;
  Ladder<Responder> ladder_;
  ConversationObserver& observer_;
  std::size_t answering_ = 0;  // the rung that answered last
  int failures_ = 0;
};

}  // namespace voxanne::conversation

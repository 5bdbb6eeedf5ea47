// Taking a message, slot by slot: name, number (read back and confirmed), reason, then the whole
// confirmed. Any slot can be corrected and the form given up at any time. On the keypad's way the
// caller speaks the message after a tone instead, and keys do the rest. A pure state machine: it
// is told what the caller said and answers what to say.
#pragma once

#include "conversation/responder.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::conversation {

class MessageForm {
 public:
  struct Options {
    std::string caller_number;  // E.164, or empty where it is withheld
    double sure_above = 0.55;   // confidence for a yes that has consequences
    // When in the call its recording began; nullopt: nothing is recorded, and no voice message promised.
    std::function<std::optional<milliseconds>()> recorded_since = [] { return milliseconds{0}; };
  };
  enum class Way { speech, keypad };
  struct Step {
    enum class Outcome { going_on, confirmed, given_up } outcome = Outcome::going_on;
    std::string say{};
    bool tone = false;  // after what is said
  };

  explicit MessageForm(Options options) : options_(std::move(options)) {}

  // `reason`: what is known already (a question that found no answer), or empty.
  Step begin(Way way, std::string reason, bool urgent);
  Step hear(const CallerInput& input);
  // The current question once more, for a caller who asks to hear it again.
  std::string question() const;

  // What can be said on the keypad's way, apart from numbers: to be kept as audio.
  static std::vector<std::string> keypad_sentences();

  bool expects_digits() const { return stage_ == Stage::number; }
  // It is asked whether a number is right; another may be typed.
  bool takes_number() const { return stage_ == Stage::offer_own_number || stage_ == Stage::confirm_number; }
  bool expects_voice() const { return stage_ == Stage::voice; }
  bool expects_reason() const { return stage_ == Stage::reason; }
  // For a caller who is gone before the last yes: what they have said, where it is worth passing on.
  std::optional<TakenMessage> unfinished() const;
  const TakenMessage& message() const { return message_; }

 private:
  enum class Stage { name, voice, offer_own_number, number, confirm_number, reason, confirm, change };

  Step ask(Stage stage, std::string before = {});
  Step next_slot(std::string before = {});
  Step begin_by_keys(std::string before = {});
  Step unclear(const char* hint);
  Step hear_name(const CallerInput& input);
  Step hear_voice(const CallerInput& input);
  Step hear_own_number(const CallerInput& input);
  Step hear_number(const CallerInput& input);
  Step take_number(std::string digits);
  Step hear_number_confirmed(const CallerInput& input);
  Step hear_reason(const CallerInput& input);
  Step hear_confirmed(const CallerInput& input);
  Step hear_change(const CallerInput& input);
  std::optional<Step> correct(const CallerInput& input);

  // Yes, no or neither, by word or by key.
  std::optional<bool> answer(const CallerInput& input) const;

  Options options_;
  Way way_ = Way::speech;
  Stage stage_ = Stage::name;
  bool filled_once_ = false;  // a changed slot returns to the confirmation
  bool has_name_ = false, has_number_ = false, has_reason_ = false;
  int failures_ = 0;  // in a row in this stage
  TakenMessage message_;
};

}  // namespace voxanne::conversation

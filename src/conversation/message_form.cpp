#include "conversation/message_form.h"

#include "conversation/intents.h"
#include "conversation/phrases.h"
#include "conversation/spoken_digits.h"

#include <algorithm>
#include <array>

namespace voxanne::conversation {
namespace {

constexpr std::size_t fewest_digits = 6;  // fewer are the start of a number
constexpr std::size_t most_digits = 15;   // E.164
constexpr std::size_t longest_reason = 1'000;
constexpr int patience = 2;  // failures before a slot is left out or the keys are offered

using Kind = CallerInput::Kind;

// What is said on the keypad's way, where it is the same in every call.
constexpr const char* speak_after_tone =
    "Please say your name and your message after the tone, and press hash when you have finished.";
constexpr const char* type_number = "Please type the number they should call, and then press hash.";
constexpr const char* press_if_right = "Press 1 if that is right, or 2 to change it.";
constexpr const char* yes_or_no_keys = "Please press 1 for yes or 2 for no.";
constexpr const char* cannot_hear =
    "I'm sorry, I can't make out speech at the moment, but your message will be recorded.";
constexpr const char* cannot_keep_words =
    "I'm sorry, I can't take down what you say at the moment, but somebody can call you back.";
constexpr const char* heard_nothing = "I didn't hear a message.";
constexpr const char* missed_number = "Sorry, I didn't catch the number.";
constexpr const char* still_missed =
    "I'm still not getting it. Please type the number on your keypad, and then press hash.";
constexpr const char* without_number = "I'll leave the number out.";
constexpr const char* thank_you = "Thank you.";

std::string own_ending(const std::string& number) {
  return say_digits(std::string_view{number}.substr(number.size() - std::min<std::size_t>(3, number.size())));
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string clock_of(int ms) {
  const int s = ms / 1000;
  return std::to_string(s / 60) + (s % 60 < 10 ? ":0" : ":") + std::to_string(s % 60);
}

bool has(const std::vector<std::string>& words, std::initializer_list<std::string_view> any) {
  return std::ranges::any_of(words, [&](const auto& w) { return std::ranges::find(any, w) != any.end(); });
}

}  // namespace

std::vector<std::string> MessageForm::keypad_sentences() {
  std::vector<std::string> all;
  for (const auto* text :
       {speak_after_tone, type_number, press_if_right, yes_or_no_keys, cannot_hear, cannot_keep_words,
        heard_nothing, missed_number, still_missed, without_number, thank_you})
    for (auto& sentence : sentences_of(text)) all.push_back(std::move(sentence));
  return all;
}

MessageForm::Step MessageForm::begin(Way way, std::string reason, bool urgent) {
  way_ = way;
  message_ = {
      .id = MessageId::make(), .caller_name = {}, .number = {}, .text = std::move(reason), .urgent = urgent};
  has_reason_ = !message_.text.empty();
  has_name_ = has_number_ = filled_once_ = false;
  return way == Way::keypad ? begin_by_keys() : ask(Stage::name);
}

// What is said after the tone is kept by the recording alone.
MessageForm::Step MessageForm::begin_by_keys(std::string before) {
  if (options_.recorded_since()) return ask(Stage::voice, std::move(before));
  if (!has_reason_)
    message_.text = "The caller asks to be called back; what it is about could not be taken down.";
  has_reason_ = has_name_ = true;
  return next_slot(cannot_keep_words);
}

std::optional<TakenMessage> MessageForm::unfinished() const {
  if (!has_reason_ || !(has_name_ || has_number_)) return std::nullopt;
  TakenMessage left = message_;
  left.text += " (The call ended before the caller confirmed this.)";
  if (left.number.size() < fewest_digits) left.number = options_.caller_number;
  return left;
}

std::string MessageForm::question() const {
  const bool keys = way_ == Way::keypad;
  switch (stage_) {
    case Stage::name:
      return "May I have your name, please?";
    case Stage::voice:
      return speak_after_tone;
    case Stage::offer_own_number:
      return "Shall they call you back on the number you are calling from, ending in " +
             own_ending(options_.caller_number) + "?" +
             (keys ? " Press 1 for yes, or 2 for another number." : "");
    case Stage::number:
      return keys ? type_number
                  : "What number should they call? You can say it digit by digit, or type it on your keypad.";
    case Stage::confirm_number:
      return "That's " + say_digits(message_.number) + ". " +
             (std::string{keys ? press_if_right : "Is that right?"});
    case Stage::reason:
      return "And what is your message?";
    case Stage::confirm:
      return "So that's " +
             (message_.caller_name.empty() ? std::string{"a message"}
                                           : "a message from " + message_.caller_name) +
             ": " + message_.text + ". Shall I pass that on?";
    case Stage::change:
      return "What should I change: the name, the number or the message?";
  }
  return {};
}

MessageForm::Step MessageForm::ask(Stage stage, std::string before) {
  if (stage_ != stage) failures_ = 0;
  stage_ = stage;
  if (!before.empty()) before += ' ';
  return {.say = before + question(), .tone = stage == Stage::voice};
}

// The first slot that is still empty; on the keypad's way the spoken message holds name and reason.
MessageForm::Step MessageForm::next_slot(std::string before) {
  const bool keys = way_ == Way::keypad;
  const auto number = options_.caller_number.empty() ? Stage::number : Stage::offer_own_number;
  if (keys && !has_reason_) return begin_by_keys(std::move(before));
  if (!keys && !has_name_) return ask(Stage::name, std::move(before));
  if (!has_number_) return ask(number, std::move(before));
  if (keys) return {.outcome = Step::Outcome::confirmed};
  if (!has_reason_) return ask(Stage::reason, std::move(before));
  filled_once_ = true;
  return ask(Stage::confirm, std::move(before));
}

MessageForm::Step MessageForm::unclear(const char* hint) {
  ++failures_;
  return {.say = std::string{hint} + " " + question(), .tone = stage_ == Stage::voice};
}

MessageForm::Step MessageForm::hear(const CallerInput& input) {
  if (input.kind == Kind::deaf) {
    // Nobody can hear words now; what is filled stays, keys do the rest.
    way_ = Way::keypad;
    if (stage_ == Stage::confirm_number) return ask(stage_);
    return next_slot(has_reason_ ? "" : cannot_hear);
  }
  const auto words = words_of(input.text);
  if (input.kind == Kind::speech && stage_ != Stage::voice) {
    const auto intent = intent_of(words);
    if (intent == Intent::never_mind || occurs_in({"no", "message"}, words) ||
        occurs_in({"cancel", "the", "message"}, words))
      return {.outcome = Step::Outcome::given_up};
    if (intent == Intent::repeat) return {.say = question()};
    if (intent == Intent::wait) return {.say = "Of course, take your time."};
    if (auto step = correct(input)) return *step;
  }
  switch (stage_) {
    case Stage::name:
      return hear_name(input);
    case Stage::voice:
      return hear_voice(input);
    case Stage::offer_own_number:
      return hear_own_number(input);
    case Stage::number:
      return hear_number(input);
    case Stage::confirm_number:
      return hear_number_confirmed(input);
    case Stage::reason:
      return hear_reason(input);
    case Stage::confirm:
      return hear_confirmed(input);
    case Stage::change:
      return hear_change(input);
  }
  return {};
}

MessageForm::Step MessageForm::hear_name(const CallerInput& input) {
  const auto words = words_of(input.text);
  const bool refuses = input.kind == Kind::speech && (says_no(words) || occurs_in({"not", "say"}, words));
  const bool asks =
      !words.empty() && has({words.front()}, {"what", "how", "where", "when", "why", "which", "who", "do",
                                              "does", "can", "could", "is", "are"});
  if (input.kind == Kind::speech && !refuses && !asks) {
    if (auto name = name_in(input.text); !name.empty()) {
      message_.caller_name = std::move(name);
      has_name_ = true;
      return next_slot("Thank you, " + message_.caller_name + ".");
    }
  }
  if (!refuses && failures_ + 1 < patience) return unclear("Sorry, I didn't catch your name.");
  has_name_ = true;  // without one: the recording has it
  return next_slot(refuses                     ? "That's fine."
                   : options_.recorded_since() ? "Never mind, they can hear it in the recording."
                                               : "Never mind.");
}

MessageForm::Step MessageForm::hear_voice(const CallerInput& input) {
  if (input.kind == Kind::digits) {
    if (input.text == "#" && failures_ + 1 < patience) return unclear(heard_nothing);
    if (input.text == "#" || input.text == "*") return {.outcome = Step::Outcome::given_up};
    return {.say = question(), .tone = true};
  }
  // Of a recording that stopped meanwhile, the beginning may be there.
  const auto since = static_cast<int>(options_.recorded_since().value_or(milliseconds{0}).count());
  std::string text = "Voice message in the recording from " + clock_of(std::max(0, input.start_ms - since)) +
                     " to " + clock_of(std::max(0, input.end_ms - since)) + ".";
  if (input.kind == Kind::speech && input.confidence >= options_.sure_above)
    text = capitalized(input.text.substr(0, longest_reason)) + ". (" + text + ")";
  message_.text = message_.text.empty() ? text : message_.text + " " + text;
  has_reason_ = has_name_ = true;
  return next_slot(thank_you);
}

std::optional<bool> MessageForm::answer(const CallerInput& input) const {
  if (input.kind == Kind::digits) {
    if (input.text == "1") return true;
    if (input.text == "2") return false;
  }
  if (input.kind != Kind::speech) return std::nullopt;
  const auto words = words_of(input.text);
  if (says_no(words)) return false;
  if (says_yes(words) && input.confidence >= options_.sure_above) return true;
  return std::nullopt;
}

MessageForm::Step MessageForm::hear_own_number(const CallerInput& input) {
  const auto dictated = parse_spoken_digits(input.kind == Kind::speech ? input.text : std::string{});
  if (dictated.digits.size() >= fewest_digits) return take_number(dictated.digits);
  if (input.kind == Kind::digits && input.text.size() >= fewest_digits) return take_number(input.text);
  const auto said = answer(input);
  if (!said && failures_ + 1 < patience)
    return unclear(way_ == Way::speech ? "Sorry, was that a yes?" : yes_or_no_keys);
  if (!said || !*said) return ask(Stage::number);
  message_.number = options_.caller_number;
  has_number_ = true;
  return next_slot("Good.");
}

MessageForm::Step MessageForm::hear_number(const CallerInput& input) {
  const auto words = words_of(input.text);
  std::string digits;
  if (input.kind == Kind::digits) {
    std::ranges::copy_if(input.text, std::back_inserter(digits), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits.empty()) return take_number(digits);
  } else if (input.kind == Kind::speech) {
    const bool this_one = occurs_in({"this", "number"}, words) || occurs_in({"calling", "from"}, words) ||
                          occurs_in({"this", "one"}, words) || occurs_in({"same", "number"}, words);
    if (this_one && !options_.caller_number.empty()) return take_number(options_.caller_number);
    digits = parse_spoken_digits(input.text).digits;
    // "That's all" after a number in parts: short numbers exist.
    if (digits.empty() && message_.number.size() >= 3 &&
        (says_yes(words) || intent_of(words) == Intent::goodbye))
      return ask(Stage::confirm_number);
    if (!digits.empty()) {
      // A number in parts goes on; one given from its start replaces what was there.
      const bool whole = looks_like_whole_number(digits);
      auto joined = whole ? digits : message_.number + digits;
      if (joined.size() > most_digits) joined = digits;
      message_.number = joined;
      if (joined.size() < fewest_digits)
        return {.say = "I have " + say_digits(joined) + " so far. Please go on."};
      return take_number(joined);
    }
  }
  if (failures_ == 0) return unclear(missed_number);
  if (failures_ == 1) {
    ++failures_;
    return {.say = still_missed};
  }
  message_.number = options_.caller_number;
  has_number_ = true;
  return next_slot(message_.number.empty() ? without_number : "I'll use the number you are calling from.");
}

MessageForm::Step MessageForm::take_number(std::string digits) {
  if (digits.size() > most_digits + 1) digits.resize(most_digits + 1);
  message_.number = std::move(digits);
  return ask(Stage::confirm_number);
}

MessageForm::Step MessageForm::hear_number_confirmed(const CallerInput& input) {
  const auto words = words_of(input.text);
  if (input.kind == Kind::digits && input.text.size() >= fewest_digits) return take_number(input.text);
  if (input.kind == Kind::speech) {
    const auto digits = parse_spoken_digits(input.text).digits;
    const bool tail = has(words, {"last", "end", "ends", "ending", "finishes"});
    if (tail && !digits.empty() && digits.size() < message_.number.size())
      return take_number(message_.number.substr(0, message_.number.size() - digits.size()) + digits);
    if (digits.size() >= fewest_digits) return take_number(digits);
  }
  const auto said = answer(input);
  if (said && *said) {
    has_number_ = true;
    return next_slot(way_ == Way::speech && !filled_once_ ? "Thank you." : "");
  }
  if (said) {
    message_.number.clear();
    stage_ = Stage::number;
    failures_ = 0;
    return {.say = way_ == Way::keypad
                       ? question()
                       : "Sorry. Please say it once more, digit by digit, or type it on your keypad."};
  }
  return unclear(failures_ == 0 && way_ == Way::speech ? "Sorry, yes or no?" : yes_or_no_keys);
}

MessageForm::Step MessageForm::hear_reason(const CallerInput& input) {
  if (input.kind == Kind::speech && words_of(input.text).size() > 1) {
    message_.text = capitalized(input.text.substr(0, longest_reason));
    message_.urgent |= is_emergency(words_of(input.text));
    has_reason_ = true;
    return next_slot();
  }
  if (failures_ + 1 < patience) return unclear("Sorry, I didn't catch that.");
  message_.text = "Please call back. (The message is in the recording up to " + clock_of(input.end_ms) + ".)";
  has_reason_ = true;
  filled_once_ = true;
  stage_ = Stage::confirm;
  return {.say = "I couldn't make that out, but it is in the recording. Shall I pass it on?"};
}

MessageForm::Step MessageForm::hear_confirmed(const CallerInput& input) {
  const auto said = answer(input);
  if (said) return *said ? Step{.outcome = Step::Outcome::confirmed} : ask(Stage::change);
  return unclear(failures_ == 0 && way_ == Way::speech ? "Sorry, yes or no?" : yes_or_no_keys);
}

MessageForm::Step MessageForm::hear_change(const CallerInput& input) {
  const auto words = words_of(input.text);
  if (has(words, {"name"})) {
    has_name_ = false;
    return ask(Stage::name);
  }
  if (has(words, {"number", "phone"})) {
    has_number_ = false;
    message_.number.clear();
    return ask(Stage::number);
  }
  if (has(words, {"message", "reason", "text"})) {
    has_reason_ = false;
    return ask(Stage::reason);
  }
  if (has(words, {"nothing", "fine", "okay"})) return ask(Stage::confirm);
  if (has(words, {"everything", "all"})) return begin(way_, {}, message_.urgent);
  if (failures_ + 1 < patience) return unclear("Sorry?");
  return ask(Stage::confirm);
}

// "No, my name is Jane", "the number is wrong", said while another slot is asked for.
std::optional<MessageForm::Step> MessageForm::correct(const CallerInput& input) {
  const auto words = words_of(input.text);
  if (stage_ != Stage::name && (occurs_in({"name", "is"}, words) || occurs_in({"my", "name's"}, words))) {
    if (auto name = name_in(input.text); !name.empty()) {
      message_.caller_name = std::move(name);
      has_name_ = true;
      return ask(stage_ == Stage::change ? Stage::confirm : stage_,
                 "Thank you, " + message_.caller_name + ".");
    }
  }
  const auto digits = parse_spoken_digits(input.text).digits;
  const bool about_number =
      has(words, {"number"}) && (has(words, {"wrong", "change"}) || digits.size() >= fewest_digits);
  if (about_number && (stage_ == Stage::reason || stage_ == Stage::confirm || stage_ == Stage::change)) {
    has_number_ = false;
    message_.number.clear();
    return digits.size() >= fewest_digits ? take_number(digits) : ask(Stage::number);
  }
  return std::nullopt;
}

}  // namespace voxanne::conversation

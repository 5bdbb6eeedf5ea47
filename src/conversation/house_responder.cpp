#include "conversation/house_responder.h"

#include "async/deadline.h"
#include "base/log.h"
#include "conversation/intents.h"
#include "conversation/ladder.h"
#include "conversation/phrases.h"

#include <boost/asio/bind_cancellation_slot.hpp>

#include <algorithm>
#include <utility>

namespace voxanne::conversation {
namespace {

using Kind = CallerInput::Kind;

constexpr milliseconds look_up_within{2'000};
constexpr milliseconds keep_within{5'000};
constexpr std::size_t most_topics = 7;  // the keys below those for a message and for another try
constexpr std::size_t longest_question = 500;

// What is said on the keypad's way, where it is the same in every call.
constexpr const char* keypad_works =
    "I'm sorry, I can't make out speech at the moment, but your keypad works.";
constexpr const char* trouble =
    "I'm sorry, I'm still having trouble understanding you. Let's use your keypad instead.";
constexpr const char* use_keypad = "Please use your keypad.";
constexpr const char* nothing_there = "Sorry, there is nothing on that key.";
constexpr const char* another_key = "Press another key, or star to hear the choices again.";
constexpr const char* life_in_danger =
    "If somebody's life may be in danger, please hang up now and call the emergency services.";
constexpr const char* cannot_look_up = "I'm sorry, I can't look that up just now.";
constexpr const char* taken = "Thank you. Your message has been taken, and somebody will get back to you.";
constexpr const char* not_taken =
    "I'm sorry, I couldn't save your message just now. I will keep trying while we talk.";
constexpr const char* given_up = "All right, I won't pass anything on.";

// A number that can be called back; carriers also give names and "anonymous".
std::string callable(std::string number) {
  const auto digits = std::string_view{number}.substr(number.starts_with('+') ? 1 : 0);
  const bool is_number = digits.size() >= 6 && digits.size() <= 15 &&
                         std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? std::move(number) : std::string{};
}

ReplyPart sentence(std::string text, std::string source = {}) {
  return {.kind = ReplyPart::Kind::sentence, .text = std::move(text), .source = std::move(source)};
}

std::vector<ReplyPart> joined(std::vector<ReplyPart> first, std::vector<ReplyPart> second) {
  first.insert(first.end(), std::make_move_iterator(second.begin()), std::make_move_iterator(second.end()));
  return first;
}

std::string lead(std::string before) { return before.empty() ? before : before + " "; }

}  // namespace

// Thinks when first asked, then hands out the parts.
class HouseResponder::HouseReply final : public Reply {
 public:
  HouseReply(HouseResponder& house, CallerInput input) : house_(house), input_(std::move(input)) {}

  async::Task<Result<std::optional<ReplyPart>>> next() override {
    if (!std::exchange(thought_, true)) parts_ = co_await house_.think(std::move(input_));
    if (at_ >= parts_.size()) co_return std::nullopt;
    co_return std::move(parts_[at_++]);
  }

 private:
  HouseResponder& house_;
  CallerInput input_;
  Parts parts_;
  std::size_t at_ = 0;
  bool thought_ = false;
};

HouseResponder::HouseResponder(async::Clock& clock, HouseOptions options, HouseWorld world)
    : clock_(clock),
      options_(std::move(options)),
      world_(std::move(world)),
      state_{.form = MessageForm{{.caller_number = callable(options_.caller_number),
                                  .sure_above = options_.sure_above,
                                  .recorded_since = world_.recorded_since}}},
      before_(state_) {
  if (options_.topics.size() > most_topics) options_.topics.resize(most_topics);
}

std::unique_ptr<Reply> HouseResponder::respond(const CallerInput& input) {
  before_ = state_;
  return std::make_unique<HouseReply>(*this, input);
}

void HouseResponder::interrupted(std::string_view heard) {
  if (heard.empty()) state_ = before_;
}

bool HouseResponder::expects_digits() const {
  return state_.doing == Doing::taking_message && state_.form.expects_digits();
}

bool HouseResponder::takes_number() const {
  return state_.doing == Doing::taking_message && state_.form.takes_number();
}

bool HouseResponder::expects_message() const {
  return state_.doing == Doing::taking_message && state_.form.expects_voice();
}

std::optional<TakenMessage> HouseResponder::unfinished() const {
  return state_.doing == Doing::taking_message ? state_.form.unfinished() : std::nullopt;
}

async::Task<HouseResponder::Parts> HouseResponder::think(CallerInput input) {
  ++state_.turn;
  Parts parts = co_await retry_unkept();
  const bool doubted = input.kind == Kind::speech && input.confidence < options_.reject_below;
  if (doubted) input.kind = Kind::not_understood;
  if (input.kind == Kind::speech && intent_of(words_of(input.text)) == Intent::repeat &&
      state_.doing != Doing::taking_message && !state_.last.empty())
    co_return joined(std::move(parts), state_.last);

  Parts reply;
  if (state_.doing == Doing::taking_message) {
    reply = co_await hear_form(input);
  } else if (input.kind == Kind::digits) {
    reply = co_await hear_key(input.text);
  } else if (input.kind == Kind::deaf) {
    reply = menu(std::exchange(state_.deaf, true) ? "" : keypad_works);
  } else if (input.kind == Kind::not_understood) {
    reply = missed();
  } else {
    state_.deaf = false;
    reply = co_await hear_words(input);
  }
  state_.last = reply;
  co_return joined(std::move(parts), std::move(reply));
}

async::Task<HouseResponder::Parts> HouseResponder::hear_words(const CallerInput& input) {
  const auto words = words_of(input.text);
  const auto intent = intent_of(words);
  const bool sure = input.confidence >= options_.sure_above;
  const auto was = std::exchange(state_.doing, Doing::open);
  const bool asked_more = std::exchange(state_.asked_more, false);
  if (intent != Intent::question && intent != Intent::appointment) state_.misses = 0;

  if (was == Doing::offering_message) {
    if (says_yes(words) || intent == Intent::message || intent == Intent::person)
      co_return begin_message(MessageForm::Way::speech, "Of course.");
    if (says_no(words) && words.size() <= 4) {
      state_.question.clear();
      co_return anything_else("All right.");
    }
  }
  if (was == Doing::confirming_goodbye && says_yes(words)) co_return co_await say_goodbye();

  switch (intent) {
    case Intent::emergency:
      co_return co_await answer_emergency(input);
    case Intent::goodbye:
      if (sure) co_return co_await say_goodbye();
      state_.doing = Doing::confirming_goodbye;
      co_return Parts{sentence("Sorry, did you want to end the call?")};
    case Intent::message:
      state_.question.clear();
      co_return begin_message(MessageForm::Way::speech, "Of course.");
    case Intent::person:
      state_.question.clear();
      co_return begin_message(
          MessageForm::Way::speech,
          "I can't put you through from here, but I'll take a message so that somebody calls you back.");
    case Intent::capabilities:
      co_return introduce();
    case Intent::thanks:
      co_return anything_else(vary({"You're welcome.", "My pleasure.", "You're very welcome."}));
    case Intent::greeting:
      co_return Parts{sentence(vary({"Hello, I'm here. How can I help?", "Hello. What can I do for you?"}))};
    case Intent::no:
      if (asked_more) co_return co_await say_goodbye();
      co_return anything_else("All right.");
    case Intent::yes:
    case Intent::attention:
      if (asked_more && intent == Intent::yes) co_return Parts{sentence("What would you like to know?")};
      co_return Parts{sentence(vary({"I'm listening. What can I do for you?", "How can I help?"}))};
    case Intent::wait:
      co_return Parts{sentence("Of course, take your time.")};
    case Intent::never_mind:
      state_.question.clear();
      co_return anything_else("No problem.");
    case Intent::repeat:
      co_return introduce();  // nothing was said before
    case Intent::appointment:
    case Intent::question:
      break;
  }
  co_return co_await answer_question(input);
}

async::Task<HouseResponder::Parts> HouseResponder::answer_question(const CallerInput& input) {
  const bool sure = input.confidence >= options_.sure_above;
  const std::string question = input.text.substr(0, longest_question);
  const auto found = co_await look_up(question);
  if (found && *found && (*found)->score >= (sure ? options_.answers_above : options_.answers_unsure_above)) {
    state_.misses = 0;
    Parts parts{sentence((*found)->sentence, (*found)->source)};
    if (const std::string more = vary({"Is there anything else I can help you with?", "", "Anything else?"});
        !more.empty()) {
      state_.asked_more = true;
      parts.push_back(sentence(more));
    }
    co_return parts;
  }
  if (!sure) co_return missed();
  state_.misses = 0;
  if (!found) co_return offer_message(cannot_look_up, question);
  if (intent_of(words_of(input.text)) == Intent::appointment)
    co_return offer_message("I can't arrange appointments myself, but somebody can call you back about it.",
                            question);
  world_.on_gap(question);
  co_return offer_message(
      vary({"I'm afraid I don't know that, but I can find out.",
            "I'm sorry, I don't have the answer to that.", "That I don't know, I'm afraid."}),
      question);
}

async::Task<HouseResponder::Parts> HouseResponder::answer_emergency(const CallerInput& input) {
  const auto words = words_of(input.text);
  Parts parts;
  if (is_life_threatening(words)) parts.push_back(sentence(life_in_danger));
  // What the organization says about emergencies comes before what happens to match the words.
  auto found = co_await look_up("emergency " + input.text.substr(0, longest_question));
  if (!found || !*found || (*found)->score < options_.answers_above)
    found = co_await look_up("What should I do in an emergency?");
  if (found && *found && (*found)->score >= options_.answers_above)
    parts.push_back(sentence((*found)->sentence, (*found)->source));
  else if (parts.empty())
    parts.push_back(
        sentence("I'm sorry to hear that. I can't give advice myself; if it is serious, please call the "
                 "emergency services."));
  state_.urgent = true;
  co_return joined(std::move(parts), offer_message("", input.text.substr(0, longest_question)));
}

async::Task<HouseResponder::Parts> HouseResponder::hear_key(const std::string& keys) {
  const auto& topics = options_.topics;
  const std::size_t key =
      keys.size() == 1 && keys[0] >= '1' && keys[0] <= '9' ? static_cast<std::size_t>(keys[0] - '0') : 0;
  if (key == topics.size() + 1 || keys == "0") {
    state_.question.clear();
    co_return begin_message(MessageForm::Way::keypad);
  }
  if (key == 0 || key > topics.size()) co_return menu(keys == "*" ? "" : nothing_there);
  state_.doing = Doing::menu;
  const auto found = co_await look_up(topics[key - 1].question);
  if (found && *found && (*found)->score >= options_.answers_above)
    co_return Parts{sentence((*found)->sentence, (*found)->source), sentence(another_key)};
  if (!found) co_return menu(cannot_look_up);
  world_.on_gap(topics[key - 1].question);
  co_return menu("I'm sorry, I don't know about that.");
}

async::Task<HouseResponder::Parts> HouseResponder::hear_form(const CallerInput& input) {
  const auto words = words_of(input.kind == Kind::speech ? input.text : std::string{});
  const bool in_danger = !state_.form.expects_voice() && is_life_threatening(words);
  if (in_danger && !state_.form.expects_reason())
    co_return Parts{sentence(life_in_danger), sentence(state_.form.question())};
  if (is_farewell_to_form(words, input.confidence)) co_return co_await leave_form(state_.form.unfinished());
  auto step = state_.form.hear(input);
  if (input.kind == Kind::deaf) state_.deaf = true;
  if (step.outcome == MessageForm::Step::Outcome::going_on)
    co_return joined(in_danger ? Parts{sentence(life_in_danger)} : Parts{}, form_step(std::move(step)));
  end_form();
  std::string told = given_up;
  if (step.outcome == MessageForm::Step::Outcome::confirmed)
    told = co_await keep(state_.form.message()) ? taken : not_taken;
  if (state_.deaf) co_return menu(std::move(told));
  co_return anything_else(std::move(told));
}

// A short goodbye, where it is neither the end of a number nor part of a yes or of the message.
bool HouseResponder::is_farewell_to_form(const std::vector<std::string>& words, double confidence) const {
  const auto& form = state_.form;
  if (words.empty() || words.size() > 4 || confidence < options_.sure_above || form.expects_voice())
    return false;
  if (form.expects_digits() && form.message().number.size() >= 3) return false;
  return intent_of(words) == Intent::goodbye && !says_yes(words);
}

async::Task<HouseResponder::Parts> HouseResponder::leave_form(std::optional<TakenMessage> message) {
  end_form();
  Parts parts;
  if (message && co_await keep(std::move(*message))) parts.push_back(sentence(taken));
  co_return joined(std::move(parts), co_await say_goodbye());
}

void HouseResponder::end_form() {
  state_.doing = state_.deaf ? Doing::menu : Doing::open;
  state_.question.clear();
  state_.urgent = false;
}

async::Task<Result<std::optional<KnowledgeAnswer>>> HouseResponder::look_up(std::string question) {
  co_return co_await answer_of(clock_, async::Deadline::after(clock_, look_up_within),
                               world_.look_up(std::move(question)));
}

// Not cut short by a barge-in or a hang-up: whether a message was kept must be known.
async::Task<bool> HouseResponder::keep(TakenMessage message) {
  if (kept_.contains(message.id)) co_return true;
  const async::Executor executor = co_await async::asio::this_coro::executor;
  const auto kept = co_await async::asio::co_spawn(
      executor, answer_of(clock_, async::Deadline::after(clock_, keep_within), world_.take_message(message)),
      async::asio::bind_cancellation_slot(async::asio::cancellation_slot{}, async::use_task));
  const auto same = std::ranges::find(unkept_, message.id, &TakenMessage::id);
  if (kept) {
    if (same != unkept_.end()) unkept_.erase(same);
    kept_.insert(message.id);
    co_return true;
  }
  if (same == unkept_.end()) unkept_.push_back(std::move(message));
  co_return false;
}

async::Task<HouseResponder::Parts> HouseResponder::retry_unkept() {
  if (unkept_.empty()) co_return Parts{};
  const auto waiting = unkept_;
  for (const auto& message : waiting)
    if (!co_await keep(message)) co_return Parts{};
  co_return Parts{sentence("Good news: your message is saved now.")};
}

async::Task<HouseResponder::Parts> HouseResponder::say_goodbye() {
  Parts parts;
  if (!unkept_.empty())
    parts.push_back(
        sentence("I'm sorry, your message could not be saved. Please call us again a little later."));
  parts.push_back(sentence(options_.goodbye));
  parts.push_back({.kind = ReplyPart::Kind::hang_up});
  co_return parts;
}

HouseResponder::Parts HouseResponder::begin_message(MessageForm::Way way, std::string before) {
  state_.doing = Doing::taking_message;
  auto step = state_.form.begin(way, state_.question, state_.urgent);
  step.say = lead(std::move(before)) + step.say;
  return form_step(std::move(step));
}

HouseResponder::Parts HouseResponder::form_step(MessageForm::Step step) {
  Parts parts{sentence(std::move(step.say))};
  if (step.tone) parts.push_back({.kind = ReplyPart::Kind::tone});
  return parts;
}

HouseResponder::Parts HouseResponder::offer_message(std::string before, std::string question) {
  state_.doing = Doing::offering_message;
  state_.question = std::move(question);
  return {sentence(lead(std::move(before)) +
                   (state_.urgent ? "Shall I take an urgent message for the team?"
                                  : "Shall I take a message so that somebody calls you back?"))};
}

HouseResponder::Parts HouseResponder::missed() {
  if (state_.doing == Doing::menu) return menu(use_keypad);
  if (++state_.misses == 1)
    return {sentence(vary({"Sorry, I didn't quite catch that. Could you say it again?",
                           "I'm sorry, could you say that once more?", "Sorry, say that again for me?"}))};
  state_.misses = 0;
  return menu(trouble);
}

HouseResponder::Parts HouseResponder::menu(std::string before) {
  state_.doing = Doing::menu;
  return {sentence(lead(std::move(before)) + menu_of(options_))};
}

std::string HouseResponder::menu_of(const HouseOptions& options) {
  std::string text = "Press ";
  std::size_t key = 1;
  for (const auto& topic : options.topics) {
    if (key > most_topics) break;
    text += std::to_string(key++) + " for " + topic.label + ", ";
  }
  return text + std::to_string(key) + " to leave a message, or star to hear this again.";
}

std::vector<std::string> HouseResponder::fixed_sentences(const HouseOptions& options) {
  auto all = MessageForm::keypad_sentences();
  for (const std::string& text :
       {std::string{keypad_works}, std::string{trouble}, std::string{use_keypad}, std::string{nothing_there},
        std::string{another_key}, std::string{cannot_look_up}, std::string{taken}, std::string{not_taken},
        std::string{given_up}, options.goodbye, menu_of(options)})
    for (auto& one : sentences_of(text)) all.push_back(std::move(one));
  return all;
}

HouseResponder::Parts HouseResponder::introduce() {
  std::string text = "I'm the automated assistant";
  if (!options_.organization.empty()) text += " of " + options_.organization;
  text += ". I can answer questions";
  if (!options_.topics.empty()) {
    text += ", for example about ";
    const std::size_t shown = std::min<std::size_t>(3, options_.topics.size());
    for (std::size_t i = 0; i < shown; ++i)
      text += (i == 0 ? "" : i + 1 == shown ? " or " : ", ") + options_.topics[i].label;
  }
  return {sentence(text + ", and take a message."), sentence("What would you like to know?")};
}

HouseResponder::Parts HouseResponder::anything_else(std::string before) {
  state_.asked_more = true;
  return {sentence(lead(std::move(before)) +
                   vary({"Is there anything else I can do for you?", "Can I help with anything else?"}))};
}

const char* HouseResponder::vary(std::initializer_list<const char*> wordings) const {
  return wordings.begin()[state_.turn % wordings.size()];
}

}  // namespace voxanne::conversation

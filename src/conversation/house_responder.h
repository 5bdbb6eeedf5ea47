// The responder of last resort, and the only one of an organization without a language model. It
// answers from the organization's knowledge, takes messages, says what it can do and what it does
// not know, and guides by keys who cannot be understood. Rules and retrieval: what it is not sure
// of it asks again, then offers the keypad or a message; it never guesses.
//
//   respond(input) → Reply: state changes when next() is first awaited
//   interrupted("") → the state before that, since the caller will say it again
//
// It bounds what it asks of the world: look_up within 2 s, take_message within 5 s; both must
// honour cancellation. A message being kept is not cancelled by a barge-in. One that could not be
// kept is tried again at each turn, under its id.
#pragma once

#include "async/clock.h"
#include "conversation/message_form.h"
#include "conversation/responder.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace voxanne::conversation {

struct HouseOptions {
  // What a key of the menu answers: "opening hours" → "What are your opening hours?"
  struct Topic {
    std::string label, question;
  };

  std::string organization;  // as it is spoken: "Harbour Dental"
  std::string goodbye = "Thank you for calling. Goodbye.";
  std::string caller_number;           // E.164, or empty where it is withheld
  std::vector<Topic> topics;           // at most seven get a key
  double reject_below = 0.25;          // confidence of words that are not believed
  double sure_above = 0.55;            // … that are
  double answers_above = 0.6;          // score of an answer to words that are believed
  double answers_unsure_above = 0.75;  // … to words in between
};

struct HouseWorld {
  LookUp look_up;
  TakeMessage take_message;
  std::function<void(std::string question)> on_gap = [](std::string) {};  // found no answer
  // When in the call its recording began; nullopt: nothing is recorded.
  std::function<std::optional<milliseconds>()> recorded_since = [] { return milliseconds{0}; };
};

class HouseResponder final : public Responder {
 public:
  HouseResponder(async::Clock& clock, HouseOptions options, HouseWorld world);

  // What guides a caller by keys, sentence by sentence, apart from numbers and answers: to be kept
  // as audio for when no synthesizer works.
  static std::vector<std::string> fixed_sentences(const HouseOptions& options);

  std::string_view name() const override { return "house"; }
  std::unique_ptr<Reply> respond(const CallerInput& input) override;
  void interrupted(std::string_view heard) override;
  bool expects_digits() const override;
  bool takes_number() const override;
  bool expects_message() const override;
  bool in_dialogue() const override { return state_.doing != Doing::open; }
  std::optional<TakenMessage> unfinished() const override;

 private:
  class HouseReply;
  using Parts = std::vector<ReplyPart>;

  enum class Doing {
    open,              // anything may be asked
    offering_message,  // "shall I take a message?"
    taking_message,
    confirming_goodbye,
    menu,  // keys
  };
  struct State {
    Doing doing = Doing::open;
    MessageForm form;
    std::string question{};  // what an offered message would be about
    bool urgent = false;
    bool deaf = false;
    bool asked_more = false;  // "anything else?": "no" is then a goodbye
    int misses = 0;           // turns in a row that were not understood
    std::size_t turn = 0;     // varies the wording
    Parts last{};             // for "pardon?"
  };

  async::Task<Parts> think(CallerInput input);
  async::Task<Parts> hear_words(const CallerInput& input);
  async::Task<Parts> hear_key(const std::string& keys);
  async::Task<Parts> hear_form(const CallerInput& input);
  async::Task<Parts> leave_form(std::optional<TakenMessage> message);
  async::Task<Parts> answer_question(const CallerInput& input);
  async::Task<Parts> answer_emergency(const CallerInput& input);
  async::Task<Result<std::optional<KnowledgeAnswer>>> look_up(std::string question);
  async::Task<bool> keep(TakenMessage message);
  async::Task<Parts> retry_unkept();
  async::Task<Parts> say_goodbye();

  Parts begin_message(MessageForm::Way way, std::string before = {});
  Parts form_step(MessageForm::Step step);
  void end_form();
  bool is_farewell_to_form(const std::vector<std::string>& words, double confidence) const;
  Parts offer_message(std::string before, std::string question);
  Parts missed();
  Parts menu(std::string before);
  static std::string menu_of(const HouseOptions& options);
  Parts introduce();
  Parts anything_else(std::string before);
  const char* vary(std::initializer_list<const char*> wordings) const;

  async::Clock& clock_;
  HouseOptions options_;
  HouseWorld world_;
  State state_, before_;
  // Not part of what an interruption takes back: what was promised to the world.
  std::vector<TakenMessage> unkept_;
  std::set<MessageId> kept_;
};

}  // namespace voxanne::conversation

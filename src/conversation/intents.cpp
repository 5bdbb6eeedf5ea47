#include "conversation/intents.h"

#include "conversation/phrases.h"

#include <algorithm>
#include <initializer_list>
#include <span>

namespace voxanne::conversation {
namespace {

using Words = std::vector<std::string>;

// Phrases of one intent, split into words once.
class Phrases {
 public:
  Phrases(std::initializer_list<const char*> phrases) {
    for (const auto* phrase : phrases) phrases_.push_back(words_of(phrase));
  }
  bool in(const Words& words) const {
    return std::ranges::any_of(phrases_, [&](const auto& phrase) { return occurs_in(phrase, words); });
  }
  bool is(const Words& words) const { return std::ranges::find(phrases_, words) != phrases_.end(); }
  bool start(const Words& words) const {
    return std::ranges::any_of(phrases_, [&](const auto& phrase) {
      return phrase.size() <= words.size() &&
             std::ranges::equal(phrase, std::span{words}.first(phrase.size()));
    });
  }

 private:
  std::vector<Words> phrases_;
};

const Phrases& yes_phrases() {
  static const Phrases phrases{"yes",
                               "yeah",
                               "yep",
                               "yup",
                               "yes please",
                               "that's right",
                               "correct",
                               "that is right",
                               "sure",
                               "of course",
                               "exactly",
                               "right",
                               "okay",
                               "ok",
                               "please do",
                               "go ahead",
                               "certainly",
                               "absolutely",
                               "definitely",
                               "that's correct",
                               "that would be great",
                               "that would be nice",
                               "please",
                               "perfect",
                               "fine",
                               "aye",
                               "that's it",
                               "it is",
                               "i would",
                               "that's fine",
                               "all right",
                               "alright",
                               "why not"};
  return phrases;
}

const Phrases& no_phrases() {
  static const Phrases phrases{"no",           "nope",       "nah",           "no thanks",  "not really",
                               "that's wrong", "wrong",      "incorrect",     "not quite",  "don't",
                               "no it isn't",  "it isn't",   "it's not",      "that's not", "not correct",
                               "not right",    "rather not", "i'd rather not"};
  return phrases;
}

const Phrases& repeat_phrases() {
  static const Phrases phrases{
      "pardon",           "say that again", "say it again",    "repeat that",
      "repeat it",        "repeat please",  "come again",      "what did you say",
      "didn't catch",     "didn't hear",    "didn't get that", "can you repeat",
      "could you repeat", "one more time",  "what was that",   "didn't understand you",
      "say again"};
  return phrases;
}

const Phrases& goodbye_phrases() {
  static const Phrases phrases{"bye",
                               "goodbye",
                               "good bye",
                               "bye bye",
                               "cheerio",
                               "that's all",
                               "that is all",
                               "that's everything",
                               "nothing else",
                               "that will be all",
                               "that'll be all",
                               "i'm done",
                               "hang up",
                               "have a nice day",
                               "have a good day",
                               "end the call",
                               "no more questions",
                               "nothing more",
                               "nothing thanks"};
  return phrases;
}

const Phrases& message_phrases() {
  static const Phrases phrases{"leave a message", "take a message", "leave message",  "pass on a message",
                               "pass a message",  "a message for",  "give a message", "send a message",
                               "call me back",    "ring me back",   "phone me back",  "calls me back",
                               "give me a call",  "give me a ring", "call back",      "callback",
                               "rings me back",   "get back to me", "contact me",     "leave my number",
                               "leave word",      "called back",    "message please", "a message"};
  return phrases;
}

const Phrases& person_phrases() {
  static const Phrases phrases{
      "speak to",    "speak with",  "talk to",        "talk with",        "real person",  "a human",
      "human being", "an operator", "operator",       "put me through",   "transfer me",  "connect me",
      "a person",    "real human",  "a receptionist", "the receptionist", "someone real", "the manager"};
  return phrases;
}

const Phrases& capability_phrases() {
  static const Phrases phrases{"what can you do",     "how can you help",    "what do you do",
                               "who are you",         "who is this",         "who am i speaking to",
                               "who am i talking to", "are you a robot",     "are you a machine",
                               "are you real",        "are you human",       "are you a computer",
                               "is this a robot",     "what are my options", "what can i ask",
                               "is this a machine",   "what is this",        "what options"};
  return phrases;
}

const Phrases& appointment_phrases() {
  static const Phrases phrases{"book an appointment",
                               "make an appointment",
                               "an appointment with",
                               "book in",
                               "appointment please",
                               "like an appointment",
                               "want an appointment",
                               "need an appointment",
                               "my appointment",
                               "the appointment",
                               "book a",
                               "schedule a",
                               "schedule an",
                               "reschedule",
                               "get an appointment",
                               "have an appointment",
                               "arrange an appointment",
                               "to see the",
                               "an appointment for",
                               "to book"};
  return phrases;
}

const Phrases& emergency_phrases() {
  static const Phrases phrases{
      "emergency",     "emergencies",   "urgent",         "urgently",    "bleeding",    "severe pain",
      "terrible pain", "in agony",      "swollen",        "swelling",    "knocked out", "accident",
      "unbearable",    "can't breathe", "cannot breathe", "unconscious", "ambulance",   "chest pain"};
  return phrases;
}

const Phrases& life_phrases() {
  static const Phrases phrases{"can't breathe",    "cannot breathe", "unconscious",
                               "not breathing",    "chest pain",     "heart attack",
                               "stroke",           "ambulance",      "dying",
                               "suicide",          "kill myself",    "won't stop bleeding",
                               "bleeding heavily", "overdose",       "collapsed"};
  return phrases;
}

}  // namespace

bool says_yes(const Words& words) { return !words.empty() && !says_no(words) && yes_phrases().start(words); }

bool says_no(const Words& words) { return no_phrases().start(words); }

bool is_emergency(const Words& words) { return emergency_phrases().in(words) || is_life_threatening(words); }

bool is_life_threatening(const Words& words) { return life_phrases().in(words); }

Intent intent_of(const Words& words) {
  static const Phrases thanks{"thanks", "thank you", "cheers", "ta", "much appreciated"};
  static const Phrases greetings{"hello",
                                 "hi",
                                 "hey",
                                 "good morning",
                                 "good afternoon",
                                 "good evening",
                                 "are you there",
                                 "can you hear me",
                                 "anybody there",
                                 "anyone there",
                                 "hello hello",
                                 "hi there",
                                 "hello there",
                                 "good day",
                                 "is anyone there",
                                 "is anybody there"};
  static const Phrases help{"help", "help me", "menu", "options", "help please", "i need help"};
  static const Phrases lone_repeat{"sorry", "what",   "huh",        "eh",        "excuse me",
                                   "again", "repeat", "sorry what", "what sorry"};
  static const Phrases never_mind{"never mind",      "nevermind",      "forget it",
                                  "forget about it", "doesn't matter", "don't bother"};
  static const Phrases all_cancel{"cancel", "stop", "cancel that", "cancel it", "stop it", "start over"};

  if (words.empty()) return Intent::attention;
  if (is_emergency(words)) return Intent::emergency;
  if (never_mind.in(words) || all_cancel.is(words)) return Intent::never_mind;
  if (repeat_phrases().in(words) || lone_repeat.is(words)) return Intent::repeat;
  if (capability_phrases().in(words) || help.is(words)) return Intent::capabilities;
  if (message_phrases().in(words)) return Intent::message;
  if (person_phrases().in(words)) return Intent::person;
  if (words.size() <= 8 && goodbye_phrases().in(words)) return Intent::goodbye;
  if (asks_to_wait(words)) return Intent::wait;
  if (appointment_phrases().in(words)) return Intent::appointment;
  if (words.size() <= 4 && says_no(words)) return Intent::no;
  if (words.size() <= 5 && thanks.in(words)) return Intent::thanks;
  if (greetings.is(words)) return Intent::greeting;
  if (words.size() <= 4 && says_yes(words)) return Intent::yes;
  if (is_backchannel(words)) return Intent::attention;
  return Intent::question;
}

std::string name_in(std::string_view text) {
  static const Words before{"my",       "name",  "is",     "name's", "names", "it's", "its",  "it",
                            "this",     "i'm",   "i",      "am",     "the",   "yes",  "yeah", "sure",
                            "hi",       "hello", "um",     "uh",     "er",    "erm",  "okay", "ok",
                            "you",      "can",   "call",   "me",     "well",  "so",   "no",   "sorry",
                            "actually", "of",    "course", "that's", "oh"};
  static const Words after{"here", "speaking", "please", "thanks", "thank", "you", "calling"};
  auto words = words_of(text);
  // Behind "my name is", whatever was said before it.
  for (const Words& lead : {Words{"name", "is"}, Words{"name's"}}) {
    const auto found = std::ranges::search(words, lead);
    if (!found.empty()) words.erase(words.begin(), found.end());
  }
  const auto known = [](const Words& set) {
    return [&set](const auto& w) { return std::ranges::find(set, w) != set.end(); };
  };
  while (!words.empty() && known(before)(words.front())) words.erase(words.begin());
  while (!words.empty() && known(after)(words.back())) words.pop_back();
  if (words.empty() || words.size() > 4) return {};
  std::string name;
  for (auto& word : words) {
    if (word.front() >= '0' && word.front() <= '9') return {};
    if (word.front() >= 'a' && word.front() <= 'z')
      word.front() = static_cast<char>(word.front() - 'a' + 'A');
    if (!name.empty()) name += ' ';
    name += word;
  }
  return name.size() <= 80 ? name : std::string{};
}

}  // namespace voxanne::conversation

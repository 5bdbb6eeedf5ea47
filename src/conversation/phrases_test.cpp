#include "conversation/phrases.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using testing::ElementsAre;

TEST(PhrasesTest, words_are_lower_case_without_punctuation) {
  EXPECT_THAT(words_of("I'd like -- an Appointment, please!"),
              ElementsAre("i'd", "like", "an", "appointment", "please"));
  EXPECT_THAT(words_of("Mm-hmm."), ElementsAre("mm", "hmm"));
  EXPECT_THAT(words_of("café 'quoted'"), ElementsAre("café", "quoted"));
  EXPECT_THAT(words_of(" \t "), ElementsAre());
  EXPECT_EQ(words_of(std::string(100'000, 'a') + std::string(5'000, ' ') + "b").size(), 2u);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "word ";
  EXPECT_EQ(words_of(many).size(), 400u) << "bounded";
}

TEST(PhrasesTest, backchannels_show_attention_and_nothing_else) {
  for (const auto* yes :
       {"mm-hmm", "uh-huh", "okay", "yes", "yeah yeah", "right", "oh I see", "got it", "all right"})
    EXPECT_TRUE(is_backchannel(words_of(yes))) << yes;
  for (const auto* no : {"", "no", "stop", "wait", "yes but", "right what about saturday", "it",
                         "okay okay okay okay okay okay"})
    EXPECT_FALSE(is_backchannel(words_of(no))) << no;
}

TEST(PhrasesTest, beginnings_and_what_any_sound_is_taken_for_have_no_content) {
  for (const auto* text : {"", "of a", "you have", "i'd", "how", "can i", "but okay", "yes but"})
    EXPECT_FALSE(has_content(words_of(text))) << text;
  for (const auto* text : {"above okay", "lovely yes"})
    EXPECT_TRUE(ends_in_attention(words_of(text))) << text;
  for (const auto* text : {"", "okay", "stop okay", "okay stop", "how much is it okay"})
    EXPECT_FALSE(ends_in_attention(words_of(text))) << text;
  for (const auto* text : {"i have", "can i", "where"}) EXPECT_TRUE(has_beginning(words_of(text))) << text;
  for (const auto* text : {"", "but", "of a", "and"}) EXPECT_FALSE(has_beginning(words_of(text))) << text;
  for (const auto* text : {"stop", "no", "what", "how much", "excuse me", "can i park"})
    EXPECT_TRUE(has_content(words_of(text))) << text;
}

TEST(PhrasesTest, farewells_do_not_stop_a_goodbye) {
  for (const auto* yes : {"bye", "thank you goodbye", "thanks very much bye bye", "have a nice day"})
    EXPECT_TRUE(is_farewell(words_of(yes))) << yes;
  for (const auto* no : {"", "wait", "bye the way are you open"})
    EXPECT_FALSE(is_farewell(words_of(no))) << no;
}

TEST(PhrasesTest, an_open_end_or_a_lone_word_is_not_complete) {
  for (const auto* yes : {"yes", "no", "what are your opening hours", "john smith", "pardon"})
    EXPECT_TRUE(looks_complete(words_of(yes))) << yes;
  for (const auto* no : {"", "my name is", "i'd like to", "and um", "opening", "what about the"})
    EXPECT_FALSE(looks_complete(words_of(no))) << no;
}

TEST(PhrasesTest, asking_to_wait_is_recognized_inside_a_sentence) {
  EXPECT_TRUE(asks_to_wait(words_of("oh hold on a second")));
  EXPECT_TRUE(asks_to_wait(words_of("just a minute please")));
  EXPECT_FALSE(asks_to_wait(words_of("how long do I have to wait")));
}

TEST(PhrasesTest, an_echo_repeats_our_words_in_their_order) {
  const auto ours = words_of("We are open from nine to five.");
  EXPECT_TRUE(occurs_in(words_of("open from nine"), ours));
  EXPECT_FALSE(occurs_in(words_of("nine from open"), ours));
  EXPECT_FALSE(occurs_in(words_of(""), ours));
}

TEST(PhrasesTest, sentences_end_where_they_end) {
  EXPECT_THAT(sentences_of("Hello. How are you? Fine!  Bye."),
              ElementsAre("Hello.", "How are you?", "Fine!", "Bye."));
  EXPECT_THAT(sentences_of("Dr. Who sees you at 9 a.m. on Monday, No. 4 St. John Street."),
              ElementsAre("Dr. Who sees you at 9 a.m. on Monday, No. 4 St. John Street."));
  EXPECT_THAT(sentences_of("It costs 4.50 per visit"), ElementsAre("It costs 4.50 per visit"));
  EXPECT_THAT(sentences_of(" . "), ElementsAre("."));
  EXPECT_THAT(sentences_of(""), ElementsAre());
}

}  // namespace
}  // namespace voxanne::conversation

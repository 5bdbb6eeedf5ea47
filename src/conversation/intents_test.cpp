#include "conversation/intents.h"

#include "conversation/phrases.h"

#include <gtest/gtest.h>

namespace voxanne::conversation {
namespace {

struct Said {
  const char* text;
  Intent intent;
};
class Intents : public testing::TestWithParam<Said> {};

TEST_P(Intents, are_recognized) {
  EXPECT_EQ(static_cast<int>(intent_of(words_of(GetParam().text))), static_cast<int>(GetParam().intent))
      << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Callers, Intents,
    testing::Values(
        Said{"what are your opening hours", Intent::question},
        Said{"do you treat children", Intent::question}, Said{"is there parking", Intent::question},
        Said{"how much is a check up", Intent::question},
        Said{"no i meant the price of a filling", Intent::question},
        Said{"is it okay to bring my dog", Intent::question}, Said{"yes", Intent::yes},
        Said{"yes please", Intent::yes}, Said{"that's right", Intent::yes}, Said{"no", Intent::no},
        Said{"no thanks", Intent::no}, Said{"not really", Intent::no}, Said{"pardon", Intent::repeat},
        Said{"sorry what did you say", Intent::repeat}, Said{"can you repeat that please", Intent::repeat},
        Said{"goodbye", Intent::goodbye}, Said{"no that's all thank you", Intent::goodbye},
        Said{"okay bye bye", Intent::goodbye}, Said{"thank you very much", Intent::thanks},
        Said{"thanks", Intent::thanks}, Said{"hello", Intent::greeting},
        Said{"can you hear me", Intent::greeting}, Said{"mm-hmm", Intent::attention},
        Said{"", Intent::attention}, Said{"hold on a second", Intent::wait},
        Said{"i'd like to leave a message", Intent::message},
        Said{"could somebody call me back", Intent::message}, Said{"can i speak to someone", Intent::person},
        Said{"put me through to the dentist", Intent::person}, Said{"operator", Intent::person},
        Said{"what can you do", Intent::capabilities}, Said{"are you a robot", Intent::capabilities},
        Said{"help", Intent::capabilities}, Said{"i'd like to book an appointment", Intent::appointment},
        Said{"i need to cancel my appointment", Intent::appointment},
        Said{"it's an emergency my tooth was knocked out", Intent::emergency},
        Said{"my face is swollen", Intent::emergency}, Said{"never mind", Intent::never_mind},
        Said{"cancel", Intent::never_mind}));

TEST(IntentsTest, yes_and_no_are_told_apart_at_the_start) {
  for (const auto* yes : {"yes", "yeah go on", "that's right", "correct", "please do"}) {
    EXPECT_TRUE(says_yes(words_of(yes))) << yes;
    EXPECT_FALSE(says_no(words_of(yes))) << yes;
  }
  for (const auto* no : {"no", "no it's four not five", "that's wrong", "not quite", "don't"}) {
    EXPECT_TRUE(says_no(words_of(no))) << no;
    EXPECT_FALSE(says_yes(words_of(no))) << no;
  }
  for (const auto* neither : {"", "maybe", "oh seven seven", "what"}) {
    EXPECT_FALSE(says_yes(words_of(neither)) || says_no(words_of(neither))) << neither;
  }
}

TEST(IntentsTest, life_threatening_is_more_than_an_emergency) {
  EXPECT_TRUE(is_life_threatening(words_of("he can't breathe")));
  EXPECT_FALSE(is_life_threatening(words_of("my tooth is an emergency")));
}

TEST(IntentsTest, names_are_found_among_polite_words) {
  EXPECT_EQ(name_in("my name is john smith"), "John Smith");
  EXPECT_EQ(name_in("yes hi it's mary jane o'brien here"), "Mary Jane O'brien");
  EXPECT_EQ(name_in("no sorry my name is jane"), "Jane");
  EXPECT_EQ(name_in("I'm Zoë"), "Zoë");
  EXPECT_EQ(name_in("john smith speaking"), "John Smith");
  EXPECT_EQ(name_in("well it is a long story about my teeth"), "");
  EXPECT_EQ(name_in("oh 077"), "");
  EXPECT_EQ(name_in(""), "");
  EXPECT_EQ(name_in(std::string(500, 'x')), "");
}

}  // namespace
}  // namespace voxanne::conversation

#include "conversation/spoken_digits.h"

#include <gtest/gtest.h>

namespace voxanne::conversation {
namespace {

struct Spoken {
  const char* text;
  const char* digits;
};

class SpokenDigits : public testing::TestWithParam<Spoken> {};

TEST_P(SpokenDigits, are_understood) {
  EXPECT_EQ(parse_spoken_digits(GetParam().text).digits, GetParam().digits);
}

INSTANTIATE_TEST_SUITE_P(
    Dictated, SpokenDigits,
    testing::Values(Spoken{"oh seven seven double oh nine hundred one two three", "07700900123"},
                    Spoken{"zero two oh, seven nine four six, nought nine five eight", "02079460958"},
                    Spoken{"triple three double four", "33344"}, Spoken{"treble five", "555"},
                    Spoken{"twenty one thirty two", "2132"}, Spoken{"twenty oh one", "2001"},
                    Spoken{"nineteen eighty four", "1984"}, Spoken{"nine hundred and one", "901"},
                    Spoken{"nine hundred and twelve", "912"}, Spoken{"eight hundred", "800"},
                    Spoken{"plus four four seven seven", "+4477"}, Spoken{"+44 7700 900123", "+447700900123"},
                    Spoken{"my number is 07700 900 123 please", "07700900123"},
                    Spoken{"one to three for five", "12345"}, Spoken{"to be or not to be", ""},
                    Spoken{"I want to speak for a minute", ""}, Spoken{"double trouble", ""},
                    Spoken{"double", ""}, Spoken{"plus", ""}, Spoken{"", ""},
                    Spoken{"double 7 triple 0", "77000"}, Spoken{"twenty one hundred", "20100"}));

TEST(SpokenDigitsTest, other_words_are_noticed_and_fillers_are_not) {
  EXPECT_TRUE(parse_spoken_digits("it's um oh seven and then double seven").only_digits);
  EXPECT_FALSE(parse_spoken_digits("one ticket").only_digits);
  EXPECT_EQ(parse_spoken_digits("room four then oh seven seven").trailing, 4u);
  EXPECT_EQ(parse_spoken_digits("oh seven seven tomorrow").trailing, 0u);
}

TEST(SpokenDigitsTest, what_is_kept_is_bounded) {
  std::string many;
  for (int i = 0; i < 500; ++i) many += "triple nine ";
  EXPECT_EQ(parse_spoken_digits(many).digits.size(), longest_dictation);
}

TEST(SpokenDigitsTest, whole_numbers_end_a_dictation) {
  EXPECT_TRUE(looks_like_whole_number("07700900123"));
  EXPECT_FALSE(looks_like_whole_number("0770090012"));
  EXPECT_TRUE(looks_like_whole_number("+447700900123"));
  EXPECT_FALSE(looks_like_whole_number("+4477"));
  EXPECT_FALSE(looks_like_whole_number(""));
}

TEST(SpokenDigitsTest, are_read_back_in_groups) {
  EXPECT_EQ(say_digits("07700900123"), "oh seven seven oh oh, nine oh oh, one two three");
  EXPECT_EQ(say_digits("+447700900123"), "plus four four, seven seven oh, oh nine oh, oh one two three");
  EXPECT_EQ(say_digits("5551234"), "five five five, one two three four");
  EXPECT_EQ(say_digits("12"), "one two");
  EXPECT_EQ(say_digits(""), "");
}

TEST(SpokenDigitsTest, what_is_read_back_is_understood_again) {
  for (const auto* number : {"07700900123", "+447700900123", "02079460958", "5551234", "0118999"})
    EXPECT_EQ(parse_spoken_digits(say_digits(number)).digits, number);
}

}  // namespace
}  // namespace voxanne::conversation

#include "speech/normalise.h"

#include <gmock/gmock.h>

namespace voxanne::speech {
namespace {

std::string said(std::string_view text) {
  std::string out;
  for (const auto& word : normalise(text)) {
    if (!out.empty()) out += ' ';
    out += word.text;
    switch (word.pause) {
      case SaidWord::Pause::none:
        break;
      case SaidWord::Pause::clause:
        out += ',';
        break;
      case SaidWord::Pause::sentence:
        out += '.';
        break;
      case SaidWord::Pause::question:
        out += '?';
        break;
    }
  }
  return out;
}

struct Case {
  std::string_view written, expected;

  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.written; }
};

class Normalise : public testing::TestWithParam<Case> {};

TEST_P(Normalise, says) { EXPECT_EQ(said(GetParam().written), GetParam().expected) << GetParam().written; }

INSTANTIATE_TEST_SUITE_P(
    Words, Normalise,
    testing::Values(Case{"Hello there, how can I help?", "hello there, how can i help?"},
                    Case{"It's Dr. O\u2019Neill's check-up.", "it's doctor o'neill's check up."},
                    Case{"Mr Smith and Mrs. Jones", "mister smith and missus jones"},
                    Case{"e.g. fillings, crowns, etc.", "for example fillings, crowns, et cetera."},
                    Case{"12 High St, near St Mary's Rd.", "twelve high street, near saint mary's road."},
                    Case{"NHS and UK patients; GPs in A&E", "n h s and u k patients, g p's in a and e"},
                    Case{"A & E; A visit", "a and e, a visit"}, Case{"CONTACT US TODAY", "contact us today"},
                    Case{"crème brûlée at Café Zoë", "creme brulee at cafe zoe"},
                    Case{"\"Quoted\" (and bracketed) words", "quoted and bracketed, words"},
                    Case{"one — two … three", "one, two. three"},
                    Case{"Monday\nTuesday\nwrapped", "monday. tuesday wrapped"},
                    Case{"24/7 and/or never", "twenty four seven and or never"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, Normalise,
    testing::Values(Case{"0 7 19 20 45 100 105 1,200 12345",
                         "zero seven nineteen twenty forty five one hundred one hundred and "
                         "five one thousand two hundred twelve thousand three hundred and "
                         "forty five"},
                    Case{"1st 2nd 3rd 12th 20th 21st", "first second third twelfth twentieth twenty first"},
                    Case{"2.5 and 3.14", "two point five and three point one four"},
                    Case{"in 1999, 2005 and 2026",
                         "in nineteen ninety nine, two thousand and five and twenty twenty six"},
                    Case{"10% off", "ten percent off"}, Case{"10-20 people", "ten to twenty people"},
                    Case{"30min or 45 mins", "thirty minutes or forty five minutes"},
                    Case{"12345678901234567890123",
                         "one two three four five six seven eight nine zero one two three four five six "
                         "seven eight nine zero one two three"},
                    Case{"B12 and 4x4", "b twelve and four x four"}));

INSTANTIATE_TEST_SUITE_P(Money, Normalise,
                         testing::Values(Case{"£45", "forty five pounds"}, Case{"£1.", "one pound."},
                                         Case{"£45.50", "forty five pounds fifty"},
                                         Case{"£0.99", "ninety nine pence"},
                                         Case{"$1,200", "one thousand two hundred dollars"},
                                         Case{"€30–€45", "thirty euros to forty five euros"},
                                         Case{"£60/hour", "sixty pounds per hour"}, Case{"£", ""},
                                         Case{"£abc", "pounds abc"}));

INSTANTIATE_TEST_SUITE_P(
    Times, Normalise,
    testing::Values(Case{"at 9:30", "at nine thirty"}, Case{"9:00", "nine o'clock"},
                    Case{"9:05", "nine oh five"}, Case{"5pm", "five p m"},
                    Case{"9.30am–5.30pm", "nine thirty a m to five thirty p m"},
                    Case{"9 am to 5 p.m. Please call.", "nine a m to five p m. please call."},
                    Case{"17:00", "seventeen hundred"}, Case{"Mon–Fri 9-5", "monday to friday nine to five"},
                    Case{"Sat 10am; Sun closed", "saturday ten a m, sunday closed"},
                    Case{"12 Jan", "twelve january"},
                    Case{"2026-05-12", "the twelfth of may twenty twenty six"},
                    Case{"29:99", "twenty nine ninety nine"}));

INSTANTIATE_TEST_SUITE_P(
    PhoneNumbersAndAddresses, Normalise,
    testing::Values(
        Case{"+447700900123", "plus four four seven seven zero zero nine zero zero one two three"},
        Case{"+44 7700 900123.", "plus four four, seven seven zero zero, nine zero zero one two three."},
        Case{"call 020 7946 0958 now", "call zero two zero, seven nine four six, zero nine five eight now"},
        Case{"(01632) 960 001", "zero one six three two, nine six zero, zero zero one"},
        Case{"555-0123", "five five five zero one two three"},
        Case{"info@harbour-dental.co.uk", "info at harbour dash dental dot co dot u k"},
        Case{"www.example.com", "w w w dot example dot com"}));

TEST(NormaliseText, takes_anything_and_says_only_words) {
  for (const std::string& text :
       {std::string{}, std::string{"   \n\t"}, std::string{"\x00\x01\x02\x03", 4},
        std::string{"\xff\xfe\xc3"}, std::string{"你好 世界"}, std::string{"🙂🙂"}, std::string{"---...---"},
        std::string{"''''"}, std::string{"+"}, std::string{"a'"}, std::string(5'000, '9'),
        std::string(5'000, 'x'), std::string{"1.2.3.4.5"}}) {
    for (const auto& word : normalise(text)) {
      EXPECT_FALSE(word.text.empty());
      EXPECT_LE(word.text.size(), 42u);
      EXPECT_EQ(word.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz'"), std::string::npos) << word.text;
      EXPECT_LE(word.source_end, text.size());
    }
  }
}

TEST(NormaliseText, letters_are_told_from_words) {
  const auto words = normalise("A & E, a dentist");
  ASSERT_EQ(words.size(), 5u);
  EXPECT_TRUE(words[0].letter);
  EXPECT_FALSE(words[3].letter);
}

TEST(NormaliseText, words_remember_where_their_expression_ends) {
  const std::string text = "Café: £45, ok?";
  const auto words = normalise(text);
  ASSERT_EQ(words.size(), 5u);
  EXPECT_EQ(text.substr(0, words[0].source_end), "Café:");
  EXPECT_EQ(text.substr(0, words[1].source_end), "Café: £45,");
  EXPECT_EQ(text.substr(0, words[3].source_end), "Café: £45,");
  EXPECT_EQ(words[4].source_end, text.size());
}

TEST(NormaliseText, sentences_are_split_for_the_language_model) {
  EXPECT_THAT(said_sentences("We open at 9. Parking? Yes, behind Dr. Lee's house"),
              testing::ElementsAre("we open at nine", "parking", "yes behind doctor lee's house"));
}

}  // namespace
}  // namespace voxanne::speech

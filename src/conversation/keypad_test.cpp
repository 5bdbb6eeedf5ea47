#include "conversation/keypad.h"

#include <gtest/gtest.h>

namespace voxanne::conversation {
namespace {

using Awaiting = Keypad::Awaiting;

TEST(KeypadTest, a_choice_is_made_by_one_key) {
  Keypad keypad;
  EXPECT_EQ(keypad.press(1s, '2', Awaiting::choice), "2");
  EXPECT_EQ(keypad.press(2s, '*', Awaiting::choice), "*");
  EXPECT_FALSE(keypad.gathering());
}

TEST(KeypadTest, a_number_ends_with_hash_or_a_pause) {
  Keypad keypad;
  for (const char key : {'0', '7', '7'}) EXPECT_EQ(keypad.press(1s, key, Awaiting::number), std::nullopt);
  EXPECT_EQ(keypad.press(2s, '#', Awaiting::number), "077");
  EXPECT_EQ(keypad.press(3s, '9', Awaiting::number), std::nullopt);
  EXPECT_EQ(keypad.tick(5'480ms), std::nullopt);
  EXPECT_EQ(keypad.tick(5'500ms), "9");
  EXPECT_EQ(keypad.tick(9s), std::nullopt);
}

TEST(KeypadTest, a_lone_hash_is_told_and_numbers_are_bounded) {
  Keypad keypad;
  EXPECT_EQ(keypad.press(1s, '#', Awaiting::number), "#");
  std::optional<std::string> whole;
  for (std::size_t i = 0; i < Keypad::most_digits; ++i) whole = keypad.press(1s, '5', Awaiting::number);
  EXPECT_EQ(whole, std::string(Keypad::most_digits, '5'));
}

TEST(KeypadTest, where_either_may_come_one_key_is_a_choice_and_several_are_a_number) {
  Keypad keypad;
  EXPECT_EQ(keypad.press(1s, '1', Awaiting::either), std::nullopt);
  EXPECT_EQ(keypad.tick(1'780ms), std::nullopt);
  EXPECT_EQ(keypad.tick(1'800ms), "1");
  EXPECT_EQ(keypad.press(3s, '0', Awaiting::either), std::nullopt);
  EXPECT_EQ(keypad.press(3'700ms, '7', Awaiting::either), std::nullopt);
  EXPECT_EQ(keypad.press(5'700ms, '7', Awaiting::either), std::nullopt);
  EXPECT_EQ(keypad.press(6s, '#', Awaiting::either), "077");
  EXPECT_EQ(keypad.press(7s, '*', Awaiting::either), "*");
  EXPECT_EQ(keypad.press(8s, '#', Awaiting::either), "#");
}

TEST(KeypadTest, the_hash_of_a_number_that_a_pause_has_ended_is_no_answer_to_what_comes_next) {
  Keypad keypad;
  for (const char key : {'0', '7', '7'}) EXPECT_EQ(keypad.press(1s, key, Awaiting::number), std::nullopt);
  EXPECT_EQ(keypad.tick(3'500ms), "077");
  EXPECT_FALSE(keypad.is_late(3'600ms, '1'));
  EXPECT_TRUE(keypad.is_late(4s, '#'));
  EXPECT_FALSE(keypad.is_late(5s, '#')) << "only one";
  keypad.ended(6s);
  EXPECT_FALSE(keypad.is_late(10'020ms, '#'));
  keypad.ended(12s);
  EXPECT_EQ(keypad.press(13s, '5', Awaiting::number), std::nullopt);
  EXPECT_FALSE(keypad.is_late(13'500ms, '#')) << "it ends what has begun since";
}

}  // namespace
}  // namespace voxanne::conversation

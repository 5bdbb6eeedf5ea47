#include "conversation/keypad.h"

#include <gtest/gtest.h>

namespace voxanne::conversation {
namespace {

TEST(KeypadTest, a_choice_is_made_by_one_key) {
  Keypad keypad;
  EXPECT_EQ(keypad.press(1s, '2', false), "2");
  EXPECT_EQ(keypad.press(2s, '*', false), "*");
  EXPECT_FALSE(keypad.gathering());
}

TEST(KeypadTest, a_number_ends_with_hash_or_a_pause) {
  Keypad keypad;
  for (const char key : {'0', '7', '7'}) EXPECT_EQ(keypad.press(1s, key, true), std::nullopt);
  EXPECT_EQ(keypad.press(2s, '#', true), "077");
  EXPECT_EQ(keypad.press(3s, '9', true), std::nullopt);
  EXPECT_EQ(keypad.tick(5'480ms), std::nullopt);
  EXPECT_EQ(keypad.tick(5'500ms), "9");
  EXPECT_EQ(keypad.tick(9s), std::nullopt);
}

TEST(KeypadTest, a_lone_hash_is_told_and_numbers_are_bounded) {
  Keypad keypad;
  EXPECT_EQ(keypad.press(1s, '#', true), "#");
  std::optional<std::string> whole;
  for (std::size_t i = 0; i < Keypad::most_digits; ++i) whole = keypad.press(1s, '5', true);
  EXPECT_EQ(whole, std::string(Keypad::most_digits, '5'));
}

}  // namespace
}  // namespace voxanne::conversation

#include "conversation/menu_topics.h"

#include <gmock/gmock.h>

namespace voxanne::conversation {
namespace {

using testing::ElementsAre;

std::vector<std::string> labels_of(const std::vector<std::string>& headings) {
  std::vector<std::string> labels;
  for (const auto& topic : menu_topics(headings)) labels.push_back(topic.label);
  return labels;
}

TEST(MenuTopics, are_the_headings_that_can_be_said) {
  EXPECT_THAT(labels_of({"Opening hours", "Rock 'n' roll & more", "", "!", "https://example.com/a",
                         "What shall I do if my tooth has been knocked out by a ball?", "OPENING HOURS",
                         "\xc3\x96"
                         "ffnungszeiten",
                         "Prices"}),
              ElementsAre("opening hours", "rock 'n' roll & more", "prices"));
  EXPECT_THAT(labels_of({}), ElementsAre());
}

TEST(MenuTopics, a_key_asks_its_heading) {
  const auto topics = menu_topics(std::vector<std::string>{"Opening hours"});
  ASSERT_EQ(topics.size(), 1u);
  EXPECT_EQ(topics[0].question, "Opening hours");
}

TEST(MenuTopics, emergencies_are_not_cut_off) {
  EXPECT_THAT(labels_of({"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "Emergencies", "a9"}),
              ElementsAre("a1", "a2", "a3", "a4", "a5", "a6", "emergencies"));
  EXPECT_THAT(labels_of({"a1", "Urgent help", "a3", "a4", "a5", "a6", "a7", "a8", "Emergencies"}),
              ElementsAre("a1", "urgent help", "a3", "a4", "a5", "a6", "a7"));
}

}  // namespace
}  // namespace voxanne::conversation

#include "app/prompts/prompts.h"

#include "audio/frame.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace voxanne::app {
namespace {

TEST(HousePrompts, are_there_for_every_fixed_sentence_at_both_rates) {
  const auto prompts = house_prompts();
  for (const auto& sentence : house_sentences())
    for (const int rate : {audio::narrowband, audio::wideband}) {
      const auto found = std::ranges::find_if(prompts, [&](const speech::Prompt& prompt) {
        return prompt.text == sentence && prompt.rate == rate;
      });
      ASSERT_NE(found, prompts.end()) << sentence << " at " << rate;
      EXPECT_GT(found->mu_law.size(), std::size_t(rate) / 4) << sentence;
      EXPECT_FALSE(found->words.empty()) << sentence;
      EXPECT_EQ(found->words.back().text_end, sentence.size()) << sentence;
      EXPECT_LE(found->words.back().sample_end, found->mu_law.size()) << sentence;
    }
}

}  // namespace
}  // namespace voxanne::app

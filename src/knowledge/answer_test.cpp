#include "base/json_text.h"
#include "knowledge/ingest.h"
#include "knowledge/labelled_questions.h"
#include "knowledge/search.h"
#include "store/demo.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

namespace voxanne::knowledge {
namespace {

using voxanne::test::harbour;
using voxanne::test::noon;
using voxanne::test::rival;
using voxanne::test::TempStore;

bool is_expected(const std::string& sentence, std::string_view parts) {
  for (;;) {
    const auto bar = parts.find('|');
    if (sentence.find(parts.substr(0, bar)) != std::string::npos) return true;
    if (bar == std::string_view::npos) return false;
    parts.remove_prefix(bar + 1);
  }
}

// The demo organization's knowledge in a real index.
class AnswerTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto document = store.run(ingest(*store, workers,
                                           {.org = harbour,
                                            .title = "About Harbour Dental",
                                            .file_name = "demo.md",
                                            .content_type = {},
                                            .bytes = std::string{store::demo::knowledge_markdown()}},
                                           noon));
    ASSERT_TRUE(document) << document.error().message;
  }
  std::optional<Answer> ask(std::string_view question, const OrgId& org = harbour) {
    return store.run(look_up(*store, org, std::string{question})).value();
  }

  struct Score {
    int questions = 0, right = 0;
    int wrong = 0;  // something was said that does not answer
  };
  Score score(const char* name, const std::vector<test::Labelled>& set) {
    Score score;
    for (const auto& [question, expected] : set) {
      const auto answer = ask(question);
      const bool right = expected.empty() ? !answer : answer && is_expected(answer->sentence, expected);
      ++score.questions;
      score.right += right ? 1 : 0;
      score.wrong += !right && answer ? 1 : 0;
      if (!right)
        std::printf("  %s: \"%.*s\" → %s\n", name, static_cast<int>(question.size()), question.data(),
                    answer ? answer->sentence.c_str() : "(nothing)");
    }
    std::printf("%s: %d of %d right, %d wrong answers\n", name, score.right, score.questions, score.wrong);
    return score;
  }

  TempStore store;
  async::WorkerPool workers{"workers", 1};
};

TEST_F(AnswerTest, spoken_questions_find_their_sentence_or_nothing) {
  const auto tuned = score("tuned", test::tuned);
  EXPECT_GE(tuned.questions, 200);
  EXPECT_GE(tuned.right, tuned.questions * 95 / 100);
  EXPECT_LE(tuned.wrong, tuned.questions * 1 / 100);
}

TEST_F(AnswerTest, words_lost_in_recognition_still_find_it) {
  const auto mangled = score("mangled", test::mangled);
  EXPECT_GE(mangled.right, mangled.questions * 93 / 100);
  EXPECT_LE(mangled.wrong, 1);
}

TEST_F(AnswerTest, questions_nobody_tuned_for_are_answered_or_declined) {
  const auto held_out = score("held out", test::held_out);
  EXPECT_GE(held_out.right, held_out.questions * 75 / 100);
  EXPECT_LE(held_out.wrong, 1) << "rather nothing than nonsense";
}

TEST_F(AnswerTest, an_answer_names_its_source_and_its_score) {
  const auto answer = ask("how much is a crown");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->sentence, "A crown costs six hundred and fifty pounds.");
  EXPECT_EQ(answer->source, "About Harbour Dental");
  EXPECT_GE(answer->score, answer_threshold);
  EXPECT_LE(answer->score, 1.0);
}

TEST_F(AnswerTest, another_organization_knows_nothing_of_it) {
  EXPECT_FALSE(ask("how much is a crown", rival));
}

TEST_F(AnswerTest, query_syntax_is_only_words) {
  for (const char* question :
       {"", "   ", "\"", "crown OR", "NEAR(crown, 2)", "heading:crown", "crown*", "-crown", "a AND NOT b",
        "'; DROP TABLE calls; --", "()()", "\xff\xfe", "crown\" OR \"filling"}) {
    const auto found = store.run(look_up(*store, harbour, question));
    EXPECT_TRUE(found) << question << ": " << found.error().message;
  }
  EXPECT_TRUE(ask(std::string(100'000, 'x') + " crown").has_value() == false);
}

TEST_F(AnswerTest, search_ranks_by_what_the_query_covers) {
  const auto found = store.run(search(*store, harbour, "price of teeth whitening", 3)).value();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_NE(found[0].found.chunk.text.find("Teeth whitening costs"), std::string::npos);
  EXPECT_GE(found[0].score, found[1].score);
  EXPECT_EQ(found[0].found.title, "About Harbour Dental");
  EXPECT_EQ(store.run(search(*store, harbour, "the of and", 3)).error().code, "query_empty");
  EXPECT_EQ(store.run(search(*store, harbour, "crown", 0)).error().code, "bad_limit");
  EXPECT_EQ(store.run(search(*store, harbour, "crown", 51)).error().code, "bad_limit");
  EXPECT_TRUE(store.run(search(*store, harbour, "zeppelin", 5)).value().empty());
}

TEST(BestAnswer, a_sentence_that_leans_on_the_one_before_brings_it_along) {
  store::WordMatch match;
  match.chunk.text = "We use the Cerec system. It makes a crown in one visit.";
  match.title = "Crowns";
  const auto answer = best_answer("can you make a crown in one visit", {&match, 1});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->sentence, "We use the Cerec system. It makes a crown in one visit.");
}

TEST(BestAnswer, written_numbers_and_days_are_understood) {
  std::vector<store::WordMatch> found(3);
  found[0].chunk.text = "Check-up: £45.";
  found[1].chunk.text = "Mon–Fri 9am–5pm.";
  found[1].chunk.heading = "Opening hours";
  found[2].chunk.text = "Whitening takes 90 minutes.";
  EXPECT_EQ(best_answer("how much is a checkup", found)->sentence, "Check-up: £45.");
  EXPECT_EQ(best_answer("are you open on wednesday", found)->sentence, "Mon–Fri 9am–5pm.");
  EXPECT_EQ(best_answer("how long does whitening take", found)->sentence, "Whitening takes 90 minutes.");
}

}  // namespace
}  // namespace voxanne::knowledge

#include "knowledge/retriever.h"
#include "async/thread.h"
#include "knowledge/embedding_queue.h"
#include "knowledge/ingest.h"
#include "support/scripted_embedder.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace voxanne::knowledge {
namespace {

using test::harbour;
using test::noon;
using test::rival;

class Retrieval : public testing::Test {
 protected:
  ~Retrieval() override { store_.run(cache_.stop()); }

  void know(const std::string& title, const std::string& text, const OrgId& org = harbour) {
    ASSERT_TRUE(store_.run(
        ingest(*store_, workers_,
               {.org = org, .title = title, .file_name = "a.md", .content_type = {}, .bytes = text}, noon)));
  }
  void embed_all() {
    for (auto& item : store_.run(queue_.claim(100, clock_.utc() + 60s)).value()) {
      const auto outcome = store_.run(queue_.handle(item));
      ASSERT_TRUE(store_.run(queue_.complete(item, outcome, noon)));
    }
  }
  Found search(const std::string& query, int limit = 5, const OrgId& org = harbour) {
    return store_.run(retriever_.search(org, query, limit)).value();
  }
  std::string look_up(const std::string& question, const OrgId& org = harbour) {
    const auto found = store_.run(retriever_.look_up(org, question)).value();
    return found ? found->sentence : "";
  }
  static std::vector<std::string> titles(const Found& found) {
    std::vector<std::string> out;
    for (const auto& match : found.matches) out.push_back(match.found.title);
    return out;
  }

  test::TempStore store_;
  async::WorkerPool workers_{"workers", 1};
  async::SystemClock clock_;
  test::ScriptedEmbedder embedder_{"m", 512};
  EmbeddingQueue queue_{*store_, embedder_, clock_, {}};
  VectorCache cache_{store_.executor(), *store_, clock_, {.between_reads = 0ms}};
  Retriever retriever_{*store_, clock_, Retriever::Meaning{embedder_, cache_, workers_},
                       Retriever::Options{.caller_waits = 300ms, .manager_waits = 1'000ms}};
};

TEST_F(Retrieval, what_no_word_finds_is_found_by_meaning) {
  embedder_.same_as = {{"automobile", "vehicles"}};
  know("Parking", "There is room for vehicles behind the house.");
  know("Hours", "The door is open until noon.");
  EXPECT_TRUE(search("automobile").matches.empty());
  embed_all();
  const auto found = search("automobile");
  EXPECT_TRUE(found.by_meaning);
  ASSERT_FALSE(found.matches.empty());
  EXPECT_EQ(found.matches[0].found.title, "Parking");
  ASSERT_TRUE(found.matches[0].similarity);
  EXPECT_EQ(found.matches[0].coverage, 0);
  EXPECT_TRUE(search("automobile", 5, rival).matches.empty());
}

TEST_F(Retrieval, what_both_find_comes_first) {
  embedder_.same_as = {{"automobile", "vehicles"}};
  know("Both", "Vehicles such as an automobile stand here.");
  know("Words", "The word automobile has ten letters, and there are many other words in this sentence too.");
  know("Meaning", "Vehicles vehicles vehicles.");
  embed_all();
  const auto found = search("automobile");
  ASSERT_EQ(found.matches.size(), 3u);
  EXPECT_EQ(found.matches[0].score, std::ranges::max(found.matches, {}, &Match::score).score);
  for (const auto& match : found.matches) {
    EXPECT_GT(match.score, 0);
    EXPECT_LE(match.score, 1);
  }
  EXPECT_EQ(search("automobile", 2).matches.size(), 2u);
}

TEST_F(Retrieval, a_provider_that_fails_leaves_words) {
  know("Parking", "There is room for vehicles behind the house.");
  embed_all();
  EXPECT_TRUE(search("vehicles").by_meaning);
  embedder_.always = unavailable("embedding_provider_away", "away");
  const auto found = search("vehicles");
  EXPECT_FALSE(found.by_meaning);
  EXPECT_EQ(titles(found), std::vector<std::string>{"Parking"});
  EXPECT_EQ(found.matches[0].score, found.matches[0].coverage);
}

TEST_F(Retrieval, a_caller_is_answered_by_words_without_asking_the_provider) {
  know("Prices", "# Prices\n\nA crown costs £650.\n");
  embed_all();
  embedder_.asked.clear();
  EXPECT_EQ(look_up("how much is a crown"), "A crown costs £650.");
  EXPECT_TRUE(embedder_.asked.empty());
}

TEST_F(Retrieval, a_caller_is_answered_by_meaning_where_one_passage_stands_out) {
  embedder_.same_as = {{"automobile", "vehicles"}};
  know("Stay", "There is a shelter for vehicles.");
  const char* others[] = {"Breakfast is at eight.",      "The river is cold.",   "Keys hang by the door.",
                          "Bread comes from the baker.", "Curtains are washed.", "Music ends at ten.",
                          "Lamps stand on tables.",      "Wood lies beside it.", "Mirrors are cleaned."};
  int number = 0;
  for (const char* other : others) know("Other " + std::to_string(number++), other);
  EXPECT_EQ(look_up("is there an automobile shelter"), "");
  embed_all();
  EXPECT_EQ(look_up("is there an automobile shelter"), "There is a shelter for vehicles.");
  EXPECT_EQ(look_up("do you repair telescopes"), "") << "what nothing is near to is not said";
}

TEST_F(Retrieval, a_provider_that_fails_costs_a_caller_nothing_but_the_meaning) {
  know("Prices", "# Prices\n\nA crown costs £650.\n");
  embed_all();
  embedder_.always = timed_out("embedding_timed_out", "too slow");
  EXPECT_EQ(look_up("how much is a crown"), "A crown costs £650.");
  EXPECT_EQ(look_up("is there a zebra crossing"), "");
}

// More floats than are compared on the asker's loop, and workers that are busy for longer than anybody waits.
TEST_F(Retrieval, workers_that_are_busy_cost_the_deadline_and_the_meaning_and_nothing_else) {
  test::ScriptedEmbedder wide{"m", 1u << 16};
  EmbeddingQueue queue{*store_, wide, clock_, {}};
  VectorCache cache{store_.executor(), *store_, clock_, {.between_reads = 0ms}};
  for (int i = 0; i < 10; ++i) know("Note " + std::to_string(i), "Swan number " + std::to_string(i) + ".");
  know("Prices", "# Prices\n\nA crown costs £650.\n");
  for (auto& item : store_.run(queue.claim(100, clock_.utc() + 60s)).value()) {
    const auto outcome = store_.run(queue.handle(item));
    ASSERT_TRUE(store_.run(queue.complete(item, outcome, noon)));
  }
  std::promise<void> released;
  async::WorkerPool busy{"busy", 2};
  Retriever retriever{*store_, clock_, Retriever::Meaning{wide, cache, busy},
                      Retriever::Options{.caller_waits = 300ms, .manager_waits = 300ms}};
  ASSERT_TRUE(store_.run(retriever.search(harbour, "swan", 5)).value().by_meaning);

  const auto until = released.get_future().share();
  for (int i = 0; i < 2; ++i) busy.post([until] { until.wait(); });
  const auto found = store_.run(retriever.search(harbour, "crown", 5)).value();
  EXPECT_FALSE(found.by_meaning);
  EXPECT_EQ(titles(found), std::vector<std::string>{"Prices"});
  EXPECT_EQ(store_.run(retriever.look_up(harbour, "how much is a crown")).value()->sentence,
            "A crown costs £650.");
  EXPECT_FALSE(store_.run(retriever.look_up(harbour, "do you repair telescopes")).value());

  released.set_value();
  EXPECT_TRUE(store_.run(retriever.search(harbour, "swan", 5)).value().by_meaning) << "they are free again";
  store_.run(cache.stop());
}

TEST_F(Retrieval, an_erased_document_is_not_found_by_its_old_vector) {
  know("Parking", "There is room for vehicles behind the house.");
  know("Other", "The lighthouse is white.");
  embed_all();
  ASSERT_TRUE(search("vehicles").by_meaning);
  ASSERT_TRUE(store_.run(erase(*store_, harbour, document_id_of("Parking"))));
  know("New", "Swans and geese swim by.");  // its chunk may take the number of the erased one
  for (const auto& title : titles(search("vehicles"))) EXPECT_NE(title, "Parking");
}

TEST_F(Retrieval, new_knowledge_is_seen_and_reading_it_holds_nobody_up) {
  know("A", "Alpha is the first letter.");
  embed_all();
  EXPECT_EQ(search("alpha").matches.at(0).found.title, "A");
  embedder_.same_as = {{"z", "omega"}};
  know("B", "Omega is the last letter.");
  embed_all();
  // The old index serves until the new one is read.
  const auto until = clock_.now() + 10s;
  bool seen = false;
  while (!seen && clock_.now() < until) {
    const auto found = search("z");
    seen = !found.matches.empty() && found.matches[0].found.title == "B";
  }
  EXPECT_TRUE(seen);
}

TEST_F(Retrieval, memory_is_bounded_and_what_is_too_large_is_found_by_words) {
  VectorCache small{store_.executor(), *store_, clock_, {.max_bytes = 8'000, .max_bytes_each = 5'000}};
  know("One", "Alpha is the first letter.");
  know("Two", "Alpha is the first letter.", rival);
  embed_all();
  const auto soon = [&] { return async::Deadline::after(clock_, 5s); };
  EXPECT_EQ(store_.run(small.of(harbour, soon()))->size(), 1u);
  EXPECT_EQ(store_.run(small.of(rival, soon()))->size(), 1u);
  EXPECT_LE(small.bytes(), 8'000u);
  for (int i = 0; i < 5; ++i) know("More " + std::to_string(i), "Beta is the second letter.");
  embed_all();
  VectorCache fresh{store_.executor(), *store_, clock_, {.max_bytes = 8'000, .max_bytes_each = 5'000}};
  EXPECT_EQ(store_.run(fresh.of(harbour, soon()))->size(), 0u);
  store_.run(small.stop());
  store_.run(fresh.stop());
}

TEST_F(Retrieval, a_bad_query_is_refused) {
  EXPECT_EQ(store_.run(retriever_.search(harbour, " \n", 5)).error().kind, Fault::malformed);
  EXPECT_EQ(store_.run(retriever_.search(harbour, "words", 0)).error().code, "bad_limit");
  EXPECT_EQ(store_.run(retriever_.search(harbour, "words", 51)).error().code, "bad_limit");
}

}  // namespace
}  // namespace voxanne::knowledge

#include "knowledge/embedding_queue.h"
#include "async/thread.h"
#include "knowledge/ingest.h"
#include "knowledge/vector_index.h"
#include "store/knowledge.h"
#include "support/scripted_embedder.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::knowledge {
namespace {

using Kind = jobs::Outcome::Kind;
using test::harbour;
using test::noon;

class Embedding : public testing::Test {
 protected:
  // `passages` chunks of a document.
  DocumentId upload(const std::string& name, int passages, UtcTime at = noon) {
    std::string text;
    for (int i = 0; i < passages; ++i)
      text +=
          "# Part " + std::to_string(i) + "\n\nFact number " + std::to_string(i) + " of " + name + ".\n\n";
    return store_
        .run(ingest(*store_, workers_,
                    {.org = harbour, .title = {}, .file_name = name, .content_type = {}, .bytes = text}, at))
        .value()
        .id;
  }
  domain::Document document(const DocumentId& id) {
    return store_.run(store::find_document(*store_, harbour, id)).value().value();
  }
  // Works what is due, once each; the outcomes.
  std::vector<Kind> work(EmbeddingQueue& queue) {
    std::vector<Kind> out;
    for (auto& item : store_.run(queue.claim(10, clock_.utc() + 60s)).value()) {
      const auto outcome = store_.run(queue.handle(item));
      EXPECT_TRUE(store_.run(queue.complete(item, outcome, clock_.utc() + 30s)));
      out.push_back(outcome.kind);
    }
    return out;
  }
  std::map<std::string, int> vectors() {
    std::map<std::string, int> by_model;
    EXPECT_TRUE(store_.run(store::visit_vectors(
        *store_, harbour,
        [&](std::int64_t, std::string_view model, std::string_view) { ++by_model[std::string{model}]; })));
    return by_model;
  }
  std::map<std::size_t, int> dimensions() {
    std::map<std::size_t, int> by_count;
    EXPECT_TRUE(store_.run(
        store::visit_vectors(*store_, harbour, [&](std::int64_t, std::string_view, std::string_view vector) {
          ++by_count[vector.size() / sizeof(float)];
        })));
    return by_count;
  }
  std::int64_t version() { return store_.run(store::knowledge_version(*store_, harbour)).value(); }

  test::TempStore store_;
  async::WorkerPool workers_{"workers", 1};
  async::SystemClock clock_;
  test::ScriptedEmbedder embedder_;
  EmbeddingQueue queue_{*store_, embedder_, clock_, {.batch = 4}};
};

TEST_F(Embedding, an_upload_waits_and_is_embedded_in_batches) {
  const auto id = upload("a.md", 10);
  EXPECT_EQ(document(id).embedded_chunks, 0);
  ASSERT_TRUE(document(id).embedding_due_at);
  const auto before = version();
  EXPECT_EQ(work(queue_), std::vector{Kind::done});
  EXPECT_EQ(embedder_.asked.size(), 3u);
  EXPECT_EQ(document(id).embedded_chunks, 10);
  EXPECT_EQ(document(id).embedding_model, "m");
  EXPECT_FALSE(document(id).embedding_due_at);
  EXPECT_GT(version(), before);
  EXPECT_EQ(vectors(), (std::map<std::string, int>{{"m", 10}}));
  EXPECT_TRUE(work(queue_).empty());
}

TEST_F(Embedding, a_heading_is_embedded_with_its_text) {
  upload("a.md", 1);
  work(queue_);
  EXPECT_EQ(embedder_.asked.at(0).texts.at(0), "Part 0\nFact number 0 of a.md.");
}

TEST_F(Embedding, a_provider_that_fails_at_the_nth_batch_costs_that_batch) {
  for (int nth = 0; nth < 3; ++nth) {
    embedder_.asked.clear();
    const auto id = upload("n" + std::to_string(nth) + ".md", 10);
    for (int i = 0; i < nth; ++i) embedder_.faults.emplace_back(std::nullopt);
    Error fault{Fault::rate_limited, "embedding_rate_limited", "slow down"};
    embedder_.faults.emplace_back(fault);
    EXPECT_EQ(work(queue_), std::vector{Kind::retry});
    EXPECT_EQ(document(id).embedded_chunks, 4 * nth);
    EXPECT_EQ(document(id).embedding_error, "embedding_rate_limited");
    EXPECT_EQ(document(id).embedding_attempts, 1);
    EXPECT_TRUE(work(queue_).empty());        // it is put off
    ASSERT_TRUE(store_.run(queue_.begin()));  // a restart
    EXPECT_EQ(work(queue_), std::vector{Kind::done});
    EXPECT_EQ(document(id).embedded_chunks, 10);
    EXPECT_EQ(document(id).embedding_error, "");
    std::size_t texts = 0;
    for (const auto& asked : embedder_.asked) texts += asked.texts.size();
    EXPECT_EQ(texts, 10u + (nth < 2 ? 4u : 2u)) << "only the batch that failed is asked for twice";
  }
}

TEST_F(Embedding, nothing_is_claimed_while_the_provider_is_left_alone) {
  upload("a.md", 1);
  embedder_.paused = 10s;
  EXPECT_TRUE(store_.run(queue_.claim(10, clock_.utc() + 60s)).value().empty());
  const auto due = store_.run(queue_.next_due()).value();
  ASSERT_TRUE(due);
  EXPECT_GT(*due, clock_.utc() + 8s);
  embedder_.paused = 0ms;
  EXPECT_EQ(work(queue_), std::vector{Kind::done});
}

TEST_F(Embedding, a_document_that_is_replaced_meanwhile_keeps_no_old_vector) {
  // At every step between claim and completion.
  for (int step = 0; step < 4; ++step) {
    const std::string name = "r" + std::to_string(step) + ".md";
    const auto id = upload(name, 10);
    int asked = 0;
    embedder_.before_answer = [&] {
      if (asked++ == step) {
        std::string text = "# New\n\nAltogether new.\n";
        async::LoopThread other{"other"};
        ASSERT_TRUE(async::run_on(
            other.executor(),
            ingest(*store_, workers_,
                   {.org = harbour, .title = {}, .file_name = name, .content_type = {}, .bytes = text},
                   noon)));
      }
    };
    auto claimed = store_.run(queue_.claim(1, clock_.utc() + 60s)).value();
    ASSERT_EQ(claimed.size(), 1u);
    const auto outcome = store_.run(queue_.handle(claimed[0]));
    embedder_.before_answer = {};
    if (step == 3)  // all was embedded; replaced before that is recorded
      upload(name, 1);
    EXPECT_TRUE(store_.run(queue_.complete(claimed[0], outcome, noon)));
    EXPECT_EQ(document(id).embedded_chunks, 0) << step;
    EXPECT_TRUE(document(id).embedding_due_at) << step;
    EXPECT_EQ(work(queue_), std::vector{Kind::done});
    EXPECT_EQ(document(id).embedded_chunks, 1);
    EXPECT_EQ(vectors()["m"], step + 1) << "one chunk of each document so far";
  }
}

TEST_F(Embedding, a_text_that_is_refused_does_not_keep_the_others_waiting) {
  const auto id = upload("a.md", 6);
  embedder_.refused = "Fact number 2";
  EXPECT_EQ(work(queue_), std::vector{Kind::retry});
  EXPECT_EQ(document(id).embedded_chunks, 5);
  EXPECT_EQ(document(id).embedding_error, "embedding_refused");
}

TEST_F(Embedding, another_model_embeds_anew_while_the_old_vectors_stay) {
  const auto id = upload("a.md", 6);
  work(queue_);
  test::ScriptedEmbedder newer{"n", 8};
  EmbeddingQueue renewed{*store_, newer, clock_, {.batch = 4}};
  EXPECT_TRUE(work(renewed).empty());
  ASSERT_TRUE(store_.run(renewed.begin()));
  newer.faults.emplace_back(std::nullopt);
  newer.faults.emplace_back(unavailable("embedding_provider_away", "away"));
  EXPECT_EQ(work(renewed), std::vector{Kind::retry});
  EXPECT_EQ(vectors(), (std::map<std::string, int>{{"m", 2}, {"n", 4}}));
  EXPECT_EQ(document(id).embedded_chunks, 6);
  ASSERT_TRUE(store_.run(renewed.begin()));
  EXPECT_EQ(work(renewed), std::vector{Kind::done});
  EXPECT_EQ(vectors(), (std::map<std::string, int>{{"n", 6}}));
  EXPECT_EQ(document(id).embedding_model, "n");
}

TEST_F(Embedding, other_dimensions_once_are_a_mistake_and_twice_a_change) {
  const auto first = upload("a.md", 3);
  ASSERT_TRUE(store_.run(queue_.begin()));
  work(queue_);
  test::ScriptedEmbedder changed{"m", 8};
  EmbeddingQueue queue{*store_, changed, clock_, {.batch = 4}};
  ASSERT_TRUE(store_.run(queue.begin()));
  const auto second = upload("b.md", 3);
  EXPECT_EQ(work(queue), std::vector{Kind::retry});
  EXPECT_EQ(document(second).embedding_error, "embedding_dimensions_changed");
  EXPECT_EQ(vectors(), (std::map<std::string, int>{{"m", 3}}));
  EXPECT_FALSE(document(first).embedding_due_at);
  ASSERT_TRUE(store_.run(queue.begin()));
  work(queue);  // again: it is so; what was embedded before is due
  EXPECT_TRUE(document(first).embedding_due_at);
  EXPECT_EQ(dimensions(), (std::map<std::size_t, int>{{8, 3}, {16, 3}}));
  EXPECT_EQ(work(queue), std::vector{Kind::done});
  EXPECT_EQ(dimensions(), (std::map<std::size_t, int>{{8, 6}}));
  EXPECT_EQ(vectors(), (std::map<std::string, int>{{"m", 6}}));
  EXPECT_TRUE(work(queue).empty());
  EXPECT_EQ(document(first).embedded_chunks, 3);
}

// Calls wait to commit meanwhile: what is written does not grow with the vectors there are.
TEST_F(Embedding, other_dimensions_rewrite_no_vector) {
  static constexpr store::Statement refuse{"test.refuse",
                                           "UPDATE embedding_models SET dimensions = 1 WHERE model = ''"};
  std::atomic<int> steps{0};
  const auto watched =
      store::SqliteStore::open(
          {.path = store_.path(),
           .on_run = [&](const store::Statement&, const auto& effort) { steps += effort.steps; }})
          .value();
  const auto steps_among = [&](int passages) {
    upload("a.md", passages);
    work(queue_);
    EXPECT_EQ(vectors(), (std::map<std::string, int>{{"m", passages}}));
    store::Batch batch;
    store::change_dimensions(batch, "m", 8, noon);
    batch.add(refuse, {}, 1);  // taken back again
    steps = 0;
    EXPECT_EQ(store_.run(watched->write(std::move(batch))).error().kind, Fault::conflict);
    return steps.load();
  };
  const int among_few = steps_among(2);
  EXPECT_GT(among_few, 0);
  EXPECT_EQ(steps_among(60), among_few);
  watched->stop();
}

TEST_F(Embedding, what_is_erased_takes_its_vectors_along) {
  const auto id = upload("a.md", 3);
  work(queue_);
  ASSERT_TRUE(store_.run(erase(*store_, harbour, id)));
  EXPECT_TRUE(vectors().empty());
}

}  // namespace
}  // namespace voxanne::knowledge

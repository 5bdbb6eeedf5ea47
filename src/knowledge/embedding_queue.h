// Embedding what waits for it: documents are the items of a durable queue (store/embeddings.h), worked off in
// batches of chunks whose vectors are durable batch by batch, so that a crash or an outage in the middle
// costs one batch.
//
//   upload ─▶ chunks, searchable by words, document due ─▶ claim ─▶ embed a batch ─▶ vectors (one write) ─▶ …
//     ─▶ nothing of it lacks a vector: finished
//
// A provider that is away, slow or limits us puts a document off, with backoff and jitter and not before the
// time the provider named; while its breaker is open nothing is claimed. There is no failing for good: a
// chunk that the provider refuses goes on being found by words, and is tried again with the longest wait.
// Documents embedded by another model than today's are due from begin() on; their old vectors
// serve until each is replaced.
//
//   EmbeddingQueue queue{store, embedder, clock, {}};
//   jobs::Runner<store::WaitingDocument> runner{executor, clock, queue, embedding_runner_options()};
//
// Owner: app, beside its runner. Executor: the runner's loop.
#pragma once

#include "async/clock.h"
#include "jobs/runner.h"
#include "knowledge/embedder.h"
#include "store/embeddings.h"

#include <functional>

namespace voxanne::knowledge {

// What is embedded of a chunk: its headings say what its sentences are about.
std::string embedded_text(const domain::Chunk& chunk);

class EmbeddingQueue final : public jobs::Queue<store::WaitingDocument> {
 public:
  struct Options {
    int batch = 64;  // chunks a request
    milliseconds request_within{60'000};
    // After it is durable: the document is complete.
    std::function<void(const OrgId&, const DocumentId&)> on_complete{};
  };

  EmbeddingQueue(store::Store& store, Embedder& embedder, async::Clock& clock, Options options);

  // Once, before the runner starts: what another model embedded, and what was put off, is due.
  async::Task<Result<>> begin();

  async::Task<Result<std::vector<store::WaitingDocument>>> claim(int limit, UtcTime lease_until) override;
  async::Task<Result<std::optional<UtcTime>>> next_due() override;
  async::Task<jobs::Outcome> handle(store::WaitingDocument& document) override;
  int attempts(const store::WaitingDocument& document) const override { return document.attempts; }
  jobs::Subject subject(const store::WaitingDocument& document) const override {
    return {.org = document.org.str()};
  }
  async::Task<Result<>> complete(store::WaitingDocument& document, const jobs::Outcome& outcome,
                                 UtcTime next_attempt_at) override;

 private:
  async::Task<Result<>> embed(const store::WaitingDocument& document,
                              std::vector<store::WaitingChunk> chunks);
  // Whether vectors of this many dimensions can stand beside the others of the model. What is new once is
  // taken for a mistake; what stays is a change, which is put into the batch.
  Result<> admit(std::size_t dimensions, store::Batch& batch);
  async::Task<Result<>> keep(const store::WaitingDocument& document,
                             const std::vector<store::WaitingChunk>& chunks, std::vector<Vector> vectors);

  store::Store& store_;
  Embedder& embedder_;
  async::Clock& clock_;
  const Options options_;
  std::optional<std::int64_t> dimensions_;  // of the model, as far as is known
  std::int64_t suspected_ = 0;              // what it seems to have now
};

jobs::RunnerOptions embedding_runner_options();

}  // namespace voxanne::knowledge

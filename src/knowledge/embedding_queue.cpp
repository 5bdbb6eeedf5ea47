#include "knowledge/embedding_queue.h"

#include "base/log.h"
#include "knowledge/vector_index.h"

#include <algorithm>

namespace voxanne::knowledge {
namespace {

constexpr std::chrono::seconds refused_again_in{3'600};

}  // namespace

std::string embedded_text(const domain::Chunk& chunk) {
  std::string text = chunk.heading.empty() ? chunk.text : chunk.heading + "\n" + chunk.text;
  text.resize(cut_for_embedding(text).size());
  return text;
}

EmbeddingQueue::EmbeddingQueue(store::Store& store, Embedder& embedder, async::Clock& clock, Options options)
    : store_(store), embedder_(embedder), clock_(clock), options_(std::move(options)) {}

async::Task<Result<>> EmbeddingQueue::begin() {
  const auto known = co_await store::dimensions_of(store_, embedder_.model());
  if (!known) co_return known.error();
  dimensions_ = *known;
  store::Batch batch;
  store::make_due_where_not_embedded_by(batch, embedder_.model(), clock_.utc());
  co_return co_await store_.write(std::move(batch));
}

async::Task<Result<std::vector<store::WaitingDocument>>> EmbeddingQueue::claim(int limit,
                                                                               UtcTime lease_until) {
  std::vector<store::WaitingDocument> claimed;
  if (embedder_.pause().count() > 0) co_return claimed;
  auto due = co_await store::due_documents(store_, clock_.utc(), limit);
  if (!due) co_return due.error();
  for (auto& document : *due) {
    store::Batch batch;
    store::claim_document(batch, document, lease_until);
    const auto written = co_await store_.write(std::move(batch));
    if (written)
      claimed.push_back(std::move(document));
    else if (written.error().kind != Fault::conflict && claimed.empty())
      co_return written.error();
  }
  co_return claimed;
}

async::Task<Result<std::optional<UtcTime>>> EmbeddingQueue::next_due() {
  auto due = co_await store::next_document_due(store_);
  if (due && *due) *due = std::max(**due, clock_.utc() + embedder_.pause());
  co_return due;
}

async::Task<jobs::Outcome> EmbeddingQueue::handle(store::WaitingDocument& document) {
  using Kind = jobs::Outcome::Kind;
  std::optional<Error> refusal;
  for (std::int64_t after = -1;;) {
    co_await async::throw_if_cancelled();
    auto chunks = co_await store::waiting_chunks(store_, document.org, document.id, embedder_.model(), after,
                                                 options_.batch);
    if (!chunks) co_return jobs::Outcome{Kind::retry, chunks.error()};
    if (chunks->empty()) break;
    after = chunks->back().chunk.position;
    auto embedded = co_await embed(document, *chunks);
    // One of them is not taken: which, and the others are.
    if (!embedded && embedded.error().code == "embedding_refused") {
      for (const auto& chunk : *chunks) {
        embedded = co_await embed(document, {chunk});
        if (!embedded && embedded.error().code != "embedding_refused") break;
        if (!embedded) refusal = std::exchange(embedded, Result<>{}).error();
      }
    }
    // Replaced or erased while it was embedded: what it became is due by itself.
    if (!embedded && embedded.error().kind == Fault::conflict) co_return jobs::Outcome{Kind::done};
    if (!embedded) co_return jobs::Outcome{Kind::retry, embedded.error()};
  }
  if (refusal) {
    refusal->retry_after = refused_again_in;
    co_return jobs::Outcome{Kind::retry, *refusal};
  }
  co_return jobs::Outcome{Kind::done};
}

async::Task<Result<>> EmbeddingQueue::embed(const store::WaitingDocument& document,
                                            std::vector<store::WaitingChunk> chunks) {
  std::vector<std::string> texts;
  for (const auto& waiting : chunks) texts.push_back(embedded_text(waiting.chunk));
  auto vectors = co_await embedder_.embed(embedder_.model(), std::move(texts), Embedder::Purpose::document,
                                          async::Deadline::after(clock_, options_.request_within));
  if (!vectors) co_return vectors.error();
  co_return co_await keep(document, chunks, std::move(*vectors));
}

async::Task<Result<>> EmbeddingQueue::keep(const store::WaitingDocument& document,
                                           const std::vector<store::WaitingChunk>& chunks,
                                           std::vector<Vector> vectors) {
  if (vectors.size() != chunks.size())
    co_return internal("embedding_count", "the embedder gave another number of vectors than texts");
  store::Batch batch;
  const auto before = dimensions_;
  if (!vectors.empty())
    if (const auto admitted = admit(vectors.front().size(), batch); !admitted) co_return admitted;
  std::int64_t first_vectors = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    store::put_vector(batch, document.org, chunks[i].chunk.id, embedder_.model(), to_bytes(vectors[i]));
    first_vectors += chunks[i].embedded ? 0 : 1;
  }
  store::count_embedded(batch, document, first_vectors);
  auto written = co_await store_.write(std::move(batch));
  if (!written) dimensions_ = before;
  co_return written;
}

Result<> EmbeddingQueue::admit(std::size_t dimensions, store::Batch& batch) {
  const auto now = static_cast<std::int64_t>(dimensions);
  const auto suspected = std::exchange(suspected_, 0);
  if (dimensions_ == now) return {};
  if (dimensions_ && suspected != now) {
    suspected_ = now;
    return unavailable("embedding_dimensions_changed", "the provider's vectors have " + std::to_string(now) +
                                                           " dimensions and not " +
                                                           std::to_string(*dimensions_));
  }
  if (dimensions_)
    log::warning("knowledge.dimensions_changed",
                 {{"model", embedder_.model()}, {"from", *dimensions_}, {"to", now}});
  store::change_dimensions(batch, embedder_.model(), now, clock_.utc());
  dimensions_ = now;
  return {};
}

async::Task<Result<>> EmbeddingQueue::complete(store::WaitingDocument& document, const jobs::Outcome& outcome,
                                               UtcTime next_attempt_at) {
  const bool done = outcome.kind == jobs::Outcome::Kind::done;
  store::Batch batch;
  if (done)
    store::finish_document(batch, document, embedder_.model());
  else
    store::retry_document(batch, document, outcome.error.kind == Fault::cancelled ? "" : outcome.error.code,
                          next_attempt_at);
  const auto written = co_await store_.write(std::move(batch));
  if (!written) {
    // It was replaced or erased meanwhile.
    if (written.error().kind == Fault::conflict) co_return Result<>{};
    co_return written;
  }
  if (done) {
    log::info("knowledge.embedded", {{"orgId", document.org.str()}, {"documentId", document.id.str()}});
    if (options_.on_complete) options_.on_complete(document.org, document.id);
  }
  co_return written;
}

jobs::RunnerOptions embedding_runner_options() {
  return {.name = "embeddings",
          .parallel = 2,
          .lease = std::chrono::minutes{30},
          .grace = milliseconds{2'000},
          .poll = milliseconds{30'000},
          .backoff = {milliseconds{1'000}, milliseconds{60'000}}};
}

}  // namespace voxanne::knowledge

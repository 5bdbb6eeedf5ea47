// How the house finds what it knows: by words, and by meaning where a provider of embeddings is configured.
//
// Owner: the server, above the records. Nothing here holds up the start: what is not embedded yet is found by
// its words.
#pragma once

#include "app/server/records.h"
#include "knowledge/embed/openai_embedder.h"
#include "knowledge/embedding_queue.h"
#include "knowledge/ingest.h"
#include "knowledge/retriever.h"

namespace voxanne::app {

struct Knowing {
  Knowing(Foundation& house, Records& kept);

  void start();
  void stop();
  // Documents wait to be embedded; any thread.
  void wake();

  Foundation& foundation;
  Records& records;
  const knowledge::DocumentReader documents;
  std::optional<knowledge::embed::OpenAiEmbedder> embedder;  // absent: none is configured
  std::optional<knowledge::VectorCache> vectors;
  std::optional<knowledge::EmbeddingQueue> waiting;
  std::optional<jobs::Runner<store::WaitingDocument>> runner;
  std::optional<knowledge::Retriever> retriever;

 private:
  async::Task<> begin();
};

}  // namespace voxanne::app

#include "app/server/knowing.h"

#include "base/log.h"
#include "knowledge/formats/confined.h"

#include <boost/asio/detached.hpp>

namespace voxanne::app {

Knowing::Knowing(Foundation& house, Records& kept)
    : foundation(house), records(kept), documents(house.documents, {house.program, "document-reader"}) {}

void Knowing::start() {
  const Config& config = foundation.config;
  if (!knowledge::formats::withholds_files())
    log::warning("documents.files_not_withheld",
                 {{"mend", "a kernel with Landlock: voxanne doctor says more"}});
  const async::Executor house = foundation.house.executor();
  if (config.embeddings_by().empty()) {
    retriever.emplace(*records.store, foundation.clock);
    return;
  }
  embedder.emplace(knowledge::embed::OpenAiEmbedder::Options{.base_url = config.openai_base_url,
                                                             .api_key = config.openai_api_key,
                                                             .model = config.embeddings_by(),
                                                             .on_recovered = [this] { runner->wake(); }},
                   foundation.clock, house, foundation.workers);
  vectors.emplace(house, *records.store, foundation.clock);
  retriever.emplace(*records.store, foundation.clock,
                    knowledge::Retriever::Meaning{*embedder, *vectors, foundation.workers},
                    knowledge::Retriever::Options{});
  waiting.emplace(
      *records.store, *embedder, foundation.clock,
      knowledge::EmbeddingQueue::Options{.on_complete = [this](const OrgId& org, const DocumentId& document) {
        records.bus->publish(
            {.type = events::EventType::knowledge_updated,
             .org = org,
             .call = {},
             .data = R"({"documentId":")" + document.str() + R"(","erased":false,"embedded":true})",
             .at = foundation.clock.utc()});
      }});
  runner.emplace(house, foundation.clock, *waiting, knowledge::embedding_runner_options());
  async::asio::co_spawn(house, begin(), async::asio::detached);
}

async::Task<> Knowing::begin() {
  if (const auto begun = co_await waiting->begin(); !begun)
    log::warning("embeddings.not_requeued", {{"code", begun.error().code}});
  embedder->start();
  runner->start();
}

void Knowing::wake() {
  if (runner) async::asio::post(foundation.house.executor(), [this] { runner->wake(); });
}

void Knowing::stop() {
  const async::Executor house = foundation.house.executor();
  if (runner) async::run_on(house, runner->stop());
  if (embedder) async::run_on(house, embedder->stop());
  if (vectors) async::run_on(house, vectors->stop());
}

}  // namespace voxanne::app

// An OpenAI-compatible provider of embeddings: OpenAI itself, Azure's proxies, Ollama, vLLM, llama.cpp.
//
//   OpenAiEmbedder embedder{{.base_url = "https://api.openai.com/v1", …}, clock, house, workers};
//   embedder.start();  …  co_await embedder.stop();
//
// Documents and questions have a circuit breaker each, so that a provider that is merely too slow for a
// caller goes on embedding documents. What the provider asks for (Retry-After and its likes) holds for both.
// Answers to questions are remembered, the latest 512 of them.
//
// Health: what the last use showed, and where there is none, a word embedded every 20 s; after a failure
// every 3 s, but never before the time that the provider named.
//
// Owner: app. Executor: the one given, where requests run; embed() from any loop. Cancellable only on that
// loop; elsewhere the deadline ends it.
#pragma once

#include "async/backoff.h"
#include "async/circuit_breaker.h"
#include "async/clock.h"
#include "async/task_group.h"
#include "async/worker_pool.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "knowledge/embed/wire.h"
#include "knowledge/embedder.h"
#include "net/http_client.h"

#include <atomic>
#include <list>
#include <map>
#include <random>
#include <string>

namespace voxanne::knowledge::embed {

class OpenAiEmbedder final : public Embedder {
 public:
  struct Options {
    std::string base_url = "https://api.openai.com/v1";
    Secret api_key{};                              // empty: none is sent
    std::string model = "text-embedding-3-small";  // "NAME" or "NAME@DIMENSIONS"
    milliseconds probe_every{1'500};               // while nothing else asks: health is to know within 5 s
    std::string ca_file{};
    std::function<void()> on_recovered{};  // on the executor
  };

  OpenAiEmbedder(Options options, async::Clock& clock, async::Executor executor, async::WorkerPool& workers);

  void start();
  async::Task<> stop() { return tasks_.stop(); }

  const std::string& model() const override { return options_.model; }
  async::Task<Result<std::vector<Vector>>> embed(std::string model, std::vector<std::string> texts,
                                                 Purpose purpose, async::Deadline deadline) override;
  milliseconds pause() const override;
  // Any thread. The error of the last use, when it failed.
  Result<> health() const;
  // Requests since the start, and how long their answers took.
  struct Seen {
    metrics::Latency documents{metrics::latency_edges}, questions{metrics::latency_edges};
    metrics::Counter failed;
  };
  const Seen& seen() const noexcept { return seen_; }

 private:
  async::Task<Result<std::vector<Vector>>> embed_here(std::string model, std::vector<std::string> texts,
                                                      Purpose purpose, async::Deadline deadline);
  async::Task<Result<std::vector<Vector>>> request(const Model& model, const std::vector<std::string>& texts,
                                                   async::Deadline deadline);
  void learn(const std::string& model, Purpose purpose, const Result<std::vector<Vector>>& outcome);
  async::Task<> probe();

  const Vector* remembered(const std::string& key);
  void remember(std::string key, const Vector& vector);

  const Options options_;
  async::Clock& clock_;
  const async::Executor executor_;
  async::WorkerPool& workers_;
  net::HttpClient client_;
  async::CircuitBreaker documents_, questions_;
  async::Backoff backoff_{milliseconds{500}, milliseconds{60'000}};
  std::minstd_rand random_{std::random_device{}()};
  Seen seen_;
  int failures_ = 0;            // in a row
  SteadyTime retry_at_{};       // before it documents wait
  SteadyTime limited_until_{};  // before it the provider wants nothing
  SteadyTime used_at_{};
  mutable std::mutex mutex_;
  Error last_error_{};  // under the mutex
  std::atomic<bool> failed_ = false;
  // Latest first.
  std::list<std::pair<std::string, Vector>> latest_;
  std::map<std::string, std::list<std::pair<std::string, Vector>>::iterator> by_question_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::knowledge::embed

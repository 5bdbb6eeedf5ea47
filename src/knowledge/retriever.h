// Finding knowledge by words and by meaning together: what callers are answered from and what
// POST /api/knowledge-base/search shows.
//
//   search    words (FTS5, coverage) ┐
//             meaning (vectors)      ┴─▶ reciprocal ranks added ─▶ best first
//   look_up   words ─▶ sure enough? the answer, at once
//             else meaning, for as long as a caller can wait ─▶ the answer, if one stands out
//
// Meaning is a help and never a condition: without an embedder, without vectors, past the deadline or while
// the provider fails it is words alone.
//
// Owner: app. Tasks run on the caller's loop, a media shard too: large indexes are compared on the workers,
// which are waited for no longer than for anything else.
#pragma once

#include "async/worker_pool.h"
#include "knowledge/search.h"
#include "knowledge/vector_cache.h"

namespace voxanne::knowledge {

struct Found {
  std::vector<Match> matches;
  bool by_meaning = false;  // else by words alone
};

class Retriever {
 public:
  struct Options {
    milliseconds caller_waits{400};
    milliseconds manager_waits{2'000};
  };
  // How to search by meaning; null: words alone.
  struct Meaning {
    Embedder& embedder;
    VectorCache& vectors;
    async::WorkerPool& workers;
  };

  Retriever(store::Store& store, async::Clock& clock) : Retriever(store, clock, std::nullopt, Options{}) {}
  Retriever(store::Store& store, async::Clock& clock, std::optional<Meaning> meaning, Options options);

  // `limit`: 1–50. Errors: malformed (query_empty), impossible (bad_limit), those of the store.
  async::Task<Result<Found>> search(OrgId org, std::string query, int limit);
  // nullopt: nothing answers this surely enough; the question is a gap (knowledge/gaps.h).
  async::Task<Result<std::optional<Answer>>> look_up(OrgId org, std::string question);

 private:
  struct Meant {
    store::WordMatch found;
    double similarity = 0;
    double prominence = 0;  // how far it stands out of what chance brings to the top: 1 is chance
    std::size_t compared = 0;
  };
  // Nearest first; empty when it cannot be done in time.
  async::Task<std::vector<Meant>> by_meaning(const OrgId& org, std::string_view query, std::size_t limit,
                                             milliseconds within);
  // Errors: timed_out.
  async::Task<Result<Nearest>> nearest(std::shared_ptr<const VectorIndex> index, std::string model,
                                       Vector question, std::size_t limit, async::Deadline deadline);

  store::Store& store_;
  async::Clock& clock_;
  std::optional<Meaning> meaning_;
  const Options options_;
};

}  // namespace voxanne::knowledge

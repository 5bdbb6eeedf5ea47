#include "knowledge/retriever.h"

#include "knowledge/terms.h"
#include "store/embeddings.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <cmath>

namespace voxanne::knowledge {
namespace {

constexpr int candidates = 16;
// Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): the constant that they found to serve everywhere.
constexpr double rank_constant = 60;
// More floats than these (0.2 ms) are compared on a worker.
constexpr std::size_t compare_here_at_most = 500'000;
// While a change of model is worked off there are two.
constexpr std::size_t most_models = 2;

// How far a passage must stand out to be said where the words alone do not answer, and which share of the
// question its words must cover all the same. Set by benchmarks/retrieval_bench where a stranger's questions
// find nothing more than by words.
constexpr double prominent = 1.5, least_coverage = 0.35;
// Among fewer passages nothing is usual enough for one to stand out.
constexpr std::size_t enough_compared = 8;
// Of similarities that are all alike.
constexpr double least_deviation = 0.02;

double of_rank(std::size_t rank) { return 1 / (rank_constant + 1 + static_cast<double>(rank)); }

}  // namespace

Retriever::Retriever(store::Store& store, async::Clock& clock, std::optional<Meaning> meaning,
                     Options options)
    : store_(store), clock_(clock), meaning_(meaning), options_(options) {}

// The job owns what it reads: it may come to its turn long after the one who asked has left.
async::Task<Result<Nearest>> Retriever::nearest(std::shared_ptr<const VectorIndex> index, std::string model,
                                                Vector question, std::size_t limit,
                                                async::Deadline deadline) {
  if (index->floats(model) <= compare_here_at_most) co_return index->nearest(model, question, limit);
  co_return co_await async::with_deadline(
      clock_, deadline,
      meaning_->workers.run_or_leave(
          [index = std::move(index), model = std::move(model), question = std::move(question), limit] {
            return Result<Nearest>{index->nearest(model, question, limit)};
          }));
}

async::Task<std::vector<Retriever::Meant>> Retriever::by_meaning(const OrgId& org, std::string_view query,
                                                                 std::size_t limit, milliseconds within) {
  std::vector<Meant> out;
  if (!meaning_) co_return out;
  const auto deadline = async::Deadline::after(clock_, within);
  const auto index = co_await meaning_->vectors.of(org, deadline);
  if (!index || index->size() == 0) co_return out;
  auto models = index->models();
  if (models.size() > most_models) models.resize(most_models);
  for (const std::string& model : models) {
    auto question =
        co_await meaning_->embedder.embed(model, {std::string{query}}, Embedder::Purpose::question, deadline);
    if (!question) continue;
    const auto near = co_await nearest(index, model, std::move(question->front()), limit, deadline);
    if (!near) break;
    std::vector<std::int64_t> numbers;
    for (const Near& one : near->found) numbers.push_back(one.chunk);
    // What was erased since the index was read is left out here.
    auto chunks = co_await store::find_chunks(store_, org, numbers);
    if (!chunks) continue;
    const auto compared = static_cast<double>(std::max<std::size_t>(near->compared, 3));
    const double chance = std::max(near->deviation, least_deviation) * std::sqrt(2 * std::log(compared));
    std::size_t at = 0;
    for (auto& [seq, chunk] : *chunks) {
      while (at < near->found.size() && near->found[at].chunk != seq) ++at;
      if (at == near->found.size()) break;
      const double similarity = near->found[at].similarity;
      out.push_back({std::move(chunk), similarity, (similarity - near->mean) / chance, near->compared});
    }
  }
  std::ranges::sort(out, [](const Meant& a, const Meant& b) {
    return a.prominence != b.prominence ? a.prominence > b.prominence : a.found.chunk.id < b.found.chunk.id;
  });
  co_return out;
}

async::Task<Result<Found>> Retriever::search(OrgId org, std::string query, int limit) {
  using namespace async::asio::experimental::awaitable_operators;
  query.resize(cut_for_embedding(query).size());
  if (query.find_first_not_of(" \t\r\n") == std::string::npos)
    co_return malformed("query_empty", "the query is empty: send the words or the question to look for");
  if (limit < 1 || limit > max_matches)
    co_return Error{Fault::impossible, "bad_limit", "limit must be between 1 and 50"};
  const std::size_t wanted = static_cast<std::size_t>(std::max(limit, candidates));
  auto [words, meant] = co_await (knowledge::search(store_, org, query, static_cast<int>(wanted)) &&
                                  by_meaning(org, query, wanted, options_.manager_waits));
  // A question without a word to look for can still be meant.
  if (!words && (words.error().code != "query_empty" || meant.empty())) co_return words.error();
  Found found;
  found.by_meaning = !meant.empty();
  if (words) found.matches = std::move(*words);
  if (found.by_meaning) {
    for (std::size_t rank = 0; rank < found.matches.size(); ++rank) found.matches[rank].score = of_rank(rank);
    for (std::size_t rank = 0; rank < meant.size(); ++rank) {
      auto match = std::ranges::find_if(
          found.matches, [&](const Match& m) { return m.found.chunk.id == meant[rank].found.chunk.id; });
      if (match == found.matches.end()) {
        const double covered = coverage(query, meant[rank].found);
        found.matches.push_back({std::move(meant[rank].found), 0, covered});
        match = found.matches.end() - 1;
      }
      if (!match->similarity) match->score += of_rank(rank);
      match->similarity = std::max(match->similarity.value_or(-1), meant[rank].similarity);
    }
    for (Match& match : found.matches) match.score /= 2 * of_rank(0);
    std::ranges::sort(found.matches, [](const Match& a, const Match& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.coverage != b.coverage ? a.coverage > b.coverage : a.found.chunk.id < b.found.chunk.id;
    });
  }
  if (found.matches.size() > static_cast<std::size_t>(limit))
    found.matches.resize(static_cast<std::size_t>(limit));
  co_return found;
}

async::Task<Result<std::optional<Answer>>> Retriever::look_up(OrgId org, std::string question) {
  auto words = query_words(question);
  if (words.empty()) co_return std::optional<Answer>{};
  auto found = co_await store::search_words(store_, org, std::move(words), candidates);
  if (!found) co_return found.error();
  auto answer = best_answer(question, *found);
  if (answer && answer->score >= answer_threshold) co_return answer;
  const auto meant = co_await by_meaning(org, question, candidates, options_.caller_waits);
  if (meant.empty() || meant.front().compared < enough_compared || meant.front().prominence < prominent)
    co_return std::optional<Answer>{};
  auto said = best_answer(question, std::span{&meant.front().found, 1});
  if (!said || coverage(question, meant.front().found) < least_coverage) co_return std::optional<Answer>{};
  said->score = std::max(said->score, answer_threshold);
  co_return said;
}

}  // namespace voxanne::knowledge

#include "knowledge/search.h"

#include "knowledge/terms.h"

#include <algorithm>

namespace voxanne::knowledge {
namespace {

constexpr int candidates = 16;
constexpr std::size_t most_words = 32;
constexpr std::size_t longest_query = 1'000;

}  // namespace

std::vector<std::string> query_words(std::string_view question) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& word) {
    if (out.size() < most_words && std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  };
  const auto terms = terms_of(question.substr(0, longest_query), Role::question);
  // Each term by its own name first, so that a long question is cut at synonyms and not at words.
  std::vector<std::vector<std::string>> names;
  for (const auto& term : terms) names.push_back(names_of(term));
  for (const auto& list : names)
    if (!list.empty()) add(list.front());
  for (const auto& list : names)
    for (const auto& name : list) add(name);
  for (const auto& term : terms)
    for (const auto other : related_to(term.text))
      for (const auto& name : names_of({Term::Kind::word, std::string{other}, std::string{other}})) add(name);
  return out;
}

async::Task<Result<std::vector<Match>>> search(store::Store& store, OrgId org, std::string query, int limit) {
  auto words = query_words(query);
  if (words.empty())
    co_return Error{Fault::impossible, "query_empty", "the query holds no word that can be looked for"};
  if (limit < 1 || limit > max_matches)
    co_return Error{Fault::impossible, "bad_limit", "limit must be between 1 and 50"};
  auto found =
      co_await store::search_words(store, std::move(org), std::move(words), std::max(limit, candidates));
  if (!found) co_return found.error();
  std::vector<Match> out;
  for (auto& match : *found) {
    const double score = coverage(query, match);
    out.push_back({std::move(match), score, score});
  }
  std::sort(out.begin(), out.end(), [](const Match& a, const Match& b) {
    return a.score != b.score ? a.score > b.score : a.found.score > b.found.score;
  });
  if (out.size() > static_cast<std::size_t>(limit)) out.resize(static_cast<std::size_t>(limit));
  co_return out;
}

async::Task<Result<std::optional<Answer>>> look_up(store::Store& store, OrgId org, std::string question) {
  auto words = query_words(question);
  if (words.empty()) co_return std::optional<Answer>{};
  const auto found = co_await store::search_words(store, std::move(org), std::move(words), candidates);
  if (!found) co_return found.error();
  auto answer = best_answer(question, *found);
  if (answer && answer->score < answer_threshold) answer.reset();
  co_return answer;
}

}  // namespace voxanne::knowledge

// Finding knowledge by words: what a caller or a manager asks → chunks, best first, and the one
// answer that may be said. User text never reaches the index as query syntax: only words do.
//
// Tasks run on the caller's loop, a media shard too: the index is read elsewhere (store), choosing
// takes a quarter of a millisecond. knowledge/retriever.h searches by meaning as well.
#pragma once

#include "knowledge/answer.h"

namespace voxanne::knowledge {

struct Match {
  store::WordMatch found;
  double score = 0;                    // 0–1, by which matches are ordered
  double coverage = 0;                 // 0–1: how much of the question its words cover
  std::optional<double> similarity{};  // cosine to the question, where it was searched by meaning
};

// Words for store::search_words(): the question's terms by all their names, at most 32. Empty when
// nothing in it can be looked for.
std::vector<std::string> query_words(std::string_view question);

inline constexpr int max_matches = 50;

// By words alone, where the score is the coverage, rank deciding among equals. `limit`: 1–50. Errors:
// impossible (query_empty, bad_limit), those of the store.
async::Task<Result<std::vector<Match>>> search(store::Store& store, OrgId org, std::string query, int limit);

// nullopt: nothing answers this surely enough; the question is a gap (knowledge/gaps.h).
async::Task<Result<std::optional<Answer>>> look_up(store::Store& store, OrgId org, std::string question);

}  // namespace voxanne::knowledge

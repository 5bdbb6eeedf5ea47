// POST {base}/embeddings as OpenAI and its many likenesses speak it. Pure; bytes ↔ values.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "knowledge/embedder.h"
#include "net/http.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge::embed {

// A model by the name vectors are kept under: "NAME", or "NAME@512" where fewer dimensions are asked for.
struct Model {
  std::string name;
  int dimensions = 0;  // 0: as many as it has
};
Model parse_model(std::string_view kept_as);

std::string request_body(const Model& model, const std::vector<std::string>& texts);

// The vectors in the order of the texts, scaled to length one. Errors: unavailable (embedding_answer_broken,
// which says how): another count, a hole, unequal dimensions or other than asked for, zero vectors, no
// numbers, no JSON.
Result<std::vector<Vector>> read_answer(std::string_view body, const Model& model, std::size_t count);

// What an answer that is no 200 means. Errors: rate_limited (embedding_rate_limited), unavailable
// (embedding_provider_failed, embedding_unauthorized, embedding_model_unknown), impossible
// (embedding_refused); with the wait the provider asked for.
Error read_refusal(int status, const net::Headers& headers, UtcTime now);

// Retry-After (also as "1.5s"), retry-after-ms, else x-ratelimit-reset-requests and -tokens ("6m0s"), the
// later of those that are used up; rounded up to whole seconds, at most a day.
std::optional<seconds> wait_asked_for(const net::Headers& headers, UtcTime now);

// "1h2m3.5s", "20ms", "17": Go's durations, or seconds. Rounded up.
std::optional<seconds> parse_wait(std::string_view text);

}  // namespace voxanne::knowledge::embed

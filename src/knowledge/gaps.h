// The knowledge-gap inbox: questions that found no answer, and the line a manager answers one with,
// which is knowledge from then on.
#pragma once

#include "domain/knowledge.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::knowledge {

inline constexpr std::size_t max_question_bytes = 500;
inline constexpr std::size_t max_answer_bytes = 2'000;

// The gap that store::open_gap() takes, with the question cut to max_question_bytes; nullopt when it
// holds no word that could be looked for, and so nothing to answer.
std::optional<domain::Gap> gap_of(const OrgId& org, const CallId& call, std::string_view question,
                                  UtcTime at);

// The answer becomes a document of its own, titled with the question, and the gap is closed with it
// in one batch. Errors: not_found (gap_not_found), conflict (gap_answered), malformed (answer_empty,
// answer_not_utf8), too_large (answer_too_long), those of the store.
async::Task<Result<domain::Document>> answer_gap(store::Store& store, OrgId org, GapId gap,
                                                 std::string answer, UtcTime at);

}  // namespace voxanne::knowledge

// Which sentence of what was found answers a spoken question, and how sure that is. Pure; a quarter
// of a millisecond for sixteen chunks.
//
// The score is 0–1: the share of the question's meaning (knowledge/terms.h) that the sentence covers,
// where its own words count fully, its heading and its neighbours less, and a word of the question
// that occurs nowhere counts against it. It is calibrated on labelled_questions.h: from
// `answer_threshold` on an answer is given; below it nothing is said rather than nonsense.
#pragma once

#include "store/knowledge.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace voxanne::knowledge {

struct Answer {
  std::string sentence;  // one or two sentences
  std::string source;    // title of the document
  double score = 0;
};

inline constexpr double answer_threshold = 0.6;

// The best answer there is, whatever its score; nullopt when nothing of the question is found.
std::optional<Answer> best_answer(std::string_view question, std::span<const store::WordMatch> found);

// How well a whole chunk covers the question, 0–1.
double coverage(std::string_view question, const store::WordMatch& match);

}  // namespace voxanne::knowledge

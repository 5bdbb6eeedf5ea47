#include "calls/summary.h"

#include "base/json_text.h"

#include <algorithm>

namespace voxanne::calls {
namespace {

constexpr std::size_t longest_quote = 120;

std::string quote(std::string_view text) {
  std::string out{text.substr(0, longest_quote)};
  if (text.size() > longest_quote) {
    out.resize(valid_utf8_prefix(out));
    out += "…";
  }
  return "“" + out + "”";
}

}  // namespace

store::CallSummary summarize(const CallFacts& facts) {
  std::vector<std::string_view> sources;
  const domain::Turn* question = nullptr;  // the first one that an answer with a source followed
  const domain::Turn* last_from_caller = nullptr;
  const domain::Turn* first_from_caller = nullptr;
  for (const domain::Turn& turn : facts.turns) {
    if (turn.speaker == domain::Speaker::caller) {
      last_from_caller = &turn;
      if (!first_from_caller) first_from_caller = &turn;
    } else if (!turn.source.empty()) {
      if (!question) question = last_from_caller;
      if (std::ranges::find(sources, turn.source) == sources.end()) sources.push_back(turn.source);
    }
  }

  store::CallSummary out;
  out.outcome = facts.messages_taken > 0         ? "message-taken"
                : !sources.empty()               ? "answered"
                : facts.questions_unanswered > 0 ? "not-answered"
                : last_from_caller               ? "talked"
                                                 : "no-conversation";
  if (!question) question = first_from_caller;
  if (!question) {
    out.summary = "The caller said nothing that was understood.";
  } else {
    out.summary = "The caller said " + quote(question->text) + ".";
    if (!sources.empty()) {
      out.summary += " Answered from ";
      for (std::size_t i = 0; i < sources.size(); ++i)
        out.summary.append(i == 0 ? "" : ", ").append(sources[i]);
      out.summary += ".";
    }
    if (facts.questions_unanswered > 0)
      out.summary += facts.questions_unanswered == 1
                         ? " One question found no answer."
                         : " " + std::to_string(facts.questions_unanswered) + " questions found no answer.";
  }
  if (facts.messages_taken > 0) out.summary += " A message was taken.";

  std::string tools;
  if (!sources.empty() || facts.questions_unanswered > 0) tools += R"("look_up_knowledge")";
  if (facts.messages_taken > 0) tools += std::string{tools.empty() ? "" : ","} + R"("take_message")";
  out.tools_used = "[" + tools + "]";
  return out;
}

}  // namespace voxanne::calls

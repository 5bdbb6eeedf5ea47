#include "knowledge/gaps.h"

#include "base/json_text.h"
#include "base/secret.h"
#include "knowledge/chunk.h"
#include "knowledge/search.h"
#include "store/knowledge.h"

namespace voxanne::knowledge {

std::optional<domain::Gap> gap_of(const OrgId& org, const CallId& call, std::string_view question,
                                  UtcTime at) {
  if (query_words(question).empty()) return std::nullopt;
  question = question.substr(0, valid_utf8_prefix(question.substr(0, max_question_bytes)));
  domain::Gap gap;
  gap.id = GapId::make();
  gap.org = org;
  gap.call = call;
  gap.question = question;
  gap.created_at = at;
  return gap;
}

async::Task<Result<domain::Document>> answer_gap(store::Store& store, OrgId org, GapId id, std::string answer,
                                                 UtcTime at) {
  if (answer.size() > max_answer_bytes)
    co_return Error{Fault::too_large, "answer_too_long",
                    "an answer is a line or two: at most 2,000 characters"};
  if (!is_valid_utf8(answer)) co_return malformed("answer_not_utf8", "the answer is not UTF-8");
  auto extracted = extract(Format::text, answer);
  if (!extracted) co_return malformed("answer_empty", "the answer holds no text");
  const auto gap = co_await store::find_gap(store, org, id);
  if (!gap) co_return gap.error();
  if (!*gap) co_return not_found("gap_not_found", "there is no such question");
  if ((*gap)->answered_at)
    co_return Error{Fault::conflict, "gap_answered",
                    "this question has an answer already; edit its document"};

  domain::Document document;
  // By the gap's id, so that answering twice at once cannot make two documents.
  document.id = DocumentId{"doc_" + to_hex(sha256(id.str())).substr(0, 26)};
  document.org = org;
  document.title = (*gap)->question;
  document.content_type = extracted->content_type;
  document.bytes = static_cast<std::int64_t>(answer.size());
  document.sha256 = to_hex(sha256(answer));
  document.created_at = document.updated_at = at;
  std::vector<domain::Chunk> chunks;
  // The question heads its answer, so that its words find it.
  for (auto& piece : chunk(Format::text, extracted->text))
    chunks.push_back({.id = ChunkId::make(),
                      .document = document.id,
                      .position = static_cast<std::int64_t>(chunks.size()),
                      .heading = (*gap)->question,
                      .text = std::move(piece.text),
                      .page = std::nullopt,
                      .starts_at = static_cast<std::int64_t>(piece.offset),
                      .ends_at = static_cast<std::int64_t>(piece.end)});
  document.chunk_count = static_cast<std::int64_t>(chunks.size());
  store::Batch batch;
  store::put_document(batch, document, chunks);
  store::answer_gap(batch, org, id, document.id, at);
  const auto written = co_await store.write(std::move(batch));
  if (!written && written.error().kind == Fault::conflict)
    co_return Error{Fault::conflict, "gap_answered", "somebody else has just answered this question"};
  if (!written) co_return written.error();
  co_return document;
}

}  // namespace voxanne::knowledge

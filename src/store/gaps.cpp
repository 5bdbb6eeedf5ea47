#include "store/find.h"
#include "store/knowledge.h"
#include "store/statements.h"
#include "store/values.h"

#include <cctype>

namespace voxanne::store {
namespace {

// A question that is asked again although it was answered has found no answer again.
constexpr Statement open{
    "knowledge_gaps.open",
    "INSERT INTO knowledge_gaps (org_id, id, call_id, question, question_key, asked, created_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (org_id, question_key) DO UPDATE SET "
    "asked = asked + excluded.asked, answered_at = NULL"};
constexpr Statement answer{
    "knowledge_gaps.answer",
    "UPDATE knowledge_gaps SET answered_at = ?4, answer_id = ?3 WHERE org_id = ?1 AND id = ?2 "
    "AND answered_at IS NULL"};

constexpr std::string_view forgotten_question = "Answered question";

#define ITS_GAPS "knowledge_gaps g WHERE g.org_id = ?1 AND g.call_id = ?2 AND g.answer_id <> ''"
#define ITS_CHUNKS(further)                                                 \
  "(SELECT c.seq FROM knowledge_gaps g CROSS JOIN knowledge_base_chunks c " \
  "ON c.knowledge_base_id = g.answer_id AND +c.org_id = g.org_id " further  \
  "WHERE g.org_id = ?1 AND "                                                \
  "g.call_id = ?2 AND g.answer_id <> '')"
constexpr Statement drop_vectors{"knowledge_base_vectors.forget_question",
                                 "DELETE FROM knowledge_base_vectors WHERE chunk_seq IN " ITS_CHUNKS("")};
constexpr Statement drop_headings{
    "knowledge_base_chunks.forget_question",
    "UPDATE knowledge_base_chunks SET heading = '' WHERE seq IN " ITS_CHUNKS("AND c.heading = g.question ")};
constexpr Statement drop_title{"knowledge_base.forget_question",
                               "UPDATE knowledge_base SET title = ?3 WHERE (id, org_id, title) IN "
                               "(SELECT g.answer_id, g.org_id, g.question FROM " ITS_GAPS ")"};
// One attempt more, so that whoever embeds it just now has lost his claim.
constexpr Statement embed_again{
    "knowledge_base.embed_forgotten",
    "UPDATE knowledge_base SET embedding_due_at = updated_at, embedding_model = '', embedded_chunks = 0, "
    "embedding_attempts = embedding_attempts + 1, embedding_error = '' "
    "WHERE (id, org_id) IN (SELECT g.answer_id, g.org_id FROM " ITS_GAPS ")"};
constexpr Statement new_version{
    "knowledge_base_versions.forget_question",
    "INSERT INTO knowledge_base_versions (org_id, version) SELECT ?1, 1 WHERE EXISTS (SELECT 1 FROM " ITS_GAPS
    ") ON CONFLICT (org_id) DO UPDATE SET version = version + 1"};
constexpr Statement words_are_due{
    "search_rounds.knowledge_due",
    "UPDATE search_rounds SET knowledge_due = 1 WHERE id = 1 AND EXISTS (SELECT 1 FROM " ITS_GAPS ")"};
constexpr Statement drop_answers{
    "idempotency_keys.forget_question",
    "DELETE FROM idempotency_keys WHERE (subject_id, org_id) IN (SELECT g.answer_id, g.org_id FROM " ITS_GAPS
    ")"};
constexpr Statement drop_gaps{"knowledge_gaps.erase_of_call",
                              "DELETE FROM knowledge_gaps WHERE org_id = ?1 AND call_id = ?2"};

#define GAP_COLUMNS "seq, created_at, id, org_id, call_id, question, asked, answered_at, answer_id"

constexpr Statement one{"knowledge_gaps.one",
                        "SELECT " GAP_COLUMNS " FROM knowledge_gaps WHERE org_id = ?1 AND id = ?2"};
constexpr Statement newest{"knowledge_gaps.page",
                           "SELECT " GAP_COLUMNS
                           " FROM knowledge_gaps WHERE org_id = ?5 AND answered_at IS NULL "
                           "AND (created_at, seq) < (?1, ?2) "
                           "ORDER BY created_at DESC, seq DESC LIMIT ?3 OFFSET ?4"};

// What makes two questions the same: their words, whatever stands between them.
std::string key_of(std::string_view question) {
  std::string key;
  bool gap = false;
  for (const char c : question) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte)) {
      gap = gap || (c != '\'' && !key.empty());
      continue;
    }
    if (gap) key.push_back(' ');
    gap = false;
    key.push_back(static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte));
  }
  return key;
}

}  // namespace

void open_gap(Batch& batch, const domain::Gap& gap) {
  batch.add(open,
            {bound(gap.org), bound(gap.id), bound(gap.call), gap.question, key_of(gap.question), gap.asked,
             bound(gap.created_at)},
            1);
}

void answer_gap(Batch& batch, const OrgId& org, const GapId& id, const DocumentId& document, UtcTime at) {
  batch.add(answer, {bound(org), bound(id), bound(document), bound(at)}, 1);
}

void forget_questions(Batch& batch, const OrgId& org, const CallId& call) {
  const std::vector<Value> key{bound(org), bound(call)};
  for (const Statement* step : {&drop_vectors, &drop_headings}) batch.add(*step, key);
  batch.add(drop_title, {bound(org), bound(call), bound(forgotten_question)});
  for (const Statement* step : {&embed_again, &new_version, &words_are_due, &drop_answers})
    batch.add(*step, key);
  erase_gaps_of(batch, org, call);
}

void erase_gaps_of(Batch& batch, const OrgId& org, const CallId& call) {
  batch.add(drop_gaps, {bound(org), bound(call)});
}

domain::Gap gap_from(const Row& row) {
  using namespace gap_column;
  return {id_from<GapTag>(row, id),
          id_from<OrgTag>(row, org_id),
          id_from<CallTag>(row, call_id),
          row.str(question),
          row.integer(asked),
          from_unix_ms(row.integer(created_at)),
          row.time(answered_at),
          id_from<DocumentTag>(row, answer_id)};
}

async::Task<Result<std::optional<domain::Gap>>> find_gap(Store& store, OrgId org, GapId id) {
  return find_one(store, one, {bound(org), bound(id)}, gap_from);
}

async::Task<Result<PageInfo>> page_of_open_gaps(Store& store, OrgId org, PageRequest request,
                                                RowVisitor visit) {
  return read_page(store, newest, {bound(org)}, request, start_of(request), std::move(visit));
}

std::span<const Statement* const> gap_statements() {
  static constexpr const Statement* all[] = {&open,         &answer,        &one,          &newest,
                                             &drop_vectors, &drop_headings, &drop_title,   &embed_again,
                                             &new_version,  &words_are_due, &drop_answers, &drop_gaps};
  return all;
}

}  // namespace voxanne::store

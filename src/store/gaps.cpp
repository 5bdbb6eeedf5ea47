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
    "asked = asked + excluded.asked, answered_at = NULL, answer_id = ''"};
constexpr Statement answer{
    "knowledge_gaps.answer",
    "UPDATE knowledge_gaps SET answered_at = ?4, answer_id = ?3 WHERE org_id = ?1 AND id = ?2 "
    "AND answered_at IS NULL"};

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
  static constexpr const Statement* all[] = {&open, &answer, &one, &newest};
  return all;
}

}  // namespace voxanne::store

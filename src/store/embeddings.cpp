#include "store/embeddings.h"

#include "store/chunk_columns.h"
#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

#include <algorithm>

namespace voxanne::store {
namespace {

constexpr std::int64_t vectors_at_once = 500;
constexpr std::size_t numbers_at_once = 10;

constexpr Statement changed{"knowledge_base_versions.changed",
                            "INSERT INTO knowledge_base_versions (org_id, version) VALUES (?1, 1) "
                            "ON CONFLICT (org_id) DO UPDATE SET version = version + 1"};
constexpr Statement version{"knowledge_base_versions.of_org",
                            "SELECT version FROM knowledge_base_versions WHERE org_id = ?1"};

constexpr Statement due_where_less{"knowledge_base.embed_before",
                                   "UPDATE knowledge_base SET embedding_due_at = ?2, embedding_attempts = 0 "
                                   "WHERE embedding_model < ?1 AND embedding_due_at IS NULL"};
constexpr Statement due_where_greater{
    "knowledge_base.embed_after",
    "UPDATE knowledge_base SET embedding_due_at = ?2, embedding_attempts = 0 "
    "WHERE embedding_model > ?1 AND embedding_due_at IS NULL"};
// What an earlier process had claimed or put off: a restart is a reason to try again.
constexpr Statement due_again{"knowledge_base.embed_again",
                              "UPDATE knowledge_base SET embedding_due_at = ?1 WHERE embedding_due_at > ?1"};

// A chunk's vector `v` is not one of the model (?3 or ?4): it has another's, or one of the dimensions that
// the model had before. Of a blob, the length is read without its pages.
#define NOT_OF(model)                                                       \
  "(v.model IS NOT " model                                                  \
  " OR length(v.vector) <> (SELECT m.dimensions * 4 FROM embedding_models " \
  "m WHERE m.model = " model "))"

constexpr Statement claim{
    "knowledge_base.embed_claim",
    "UPDATE knowledge_base SET embedding_due_at = ?4, embedding_attempts = ?3 + 1 "
    "WHERE org_id = ?1 AND id = ?2 AND embedding_attempts = ?3 AND embedding_due_at IS NOT NULL"};
// Bytes are bound as text, which is what values are, and become a blob again by the cast.
constexpr Statement put{
    "knowledge_base_vectors.put",
    "INSERT INTO knowledge_base_vectors (chunk_seq, org_id, model, vector) "
    "SELECT seq, org_id, ?3, CAST(?4 AS BLOB) FROM knowledge_base_chunks WHERE org_id = ?1 AND id = ?2 "
    "ON CONFLICT (chunk_seq) DO UPDATE SET model = excluded.model, vector = excluded.vector"};
constexpr Statement count{"knowledge_base.embed_count",
                          "UPDATE knowledge_base SET embedded_chunks = embedded_chunks + ?4 "
                          "WHERE org_id = ?1 AND id = ?2 AND embedding_attempts = ?3"};
constexpr Statement finish{
    "knowledge_base.embed_finish",
    "UPDATE knowledge_base SET embedding_due_at = NULL, embedding_model = ?4, embedding_attempts = 0, "
    "embedding_error = '', embedded_chunks = chunk_count "
    "WHERE org_id = ?1 AND id = ?2 AND embedding_attempts = ?3 AND NOT EXISTS ("
    "SELECT 1 FROM knowledge_base_chunks c LEFT JOIN knowledge_base_vectors v ON v.chunk_seq = c.seq "
    "WHERE c.knowledge_base_id = ?2 AND c.org_id = ?1 AND " NOT_OF("?4") ")"};
constexpr Statement retry{"knowledge_base.embed_retry",
                          "UPDATE knowledge_base SET embedding_due_at = ?4, embedding_error = ?5 "
                          "WHERE org_id = ?1 AND id = ?2 AND embedding_attempts = ?3"};

constexpr Statement put_dimensions{"embedding_models.put",
                                   "INSERT INTO embedding_models (model, dimensions) VALUES (?1, ?2) "
                                   "ON CONFLICT (model) DO UPDATE SET dimensions = excluded.dimensions"};
constexpr Statement due_of_model{
    "knowledge_base.embed_of_model",
    "UPDATE knowledge_base SET embedding_model = '', embedding_due_at = ?2, embedding_attempts = 0 "
    "WHERE embedding_model = ?1"};
constexpr Statement dimensions{"embedding_models.dimensions",
                               "SELECT dimensions FROM embedding_models WHERE model = ?1"};

constexpr Statement due{"knowledge_base.embed_due",
                        "SELECT org_id, id, embedding_attempts FROM knowledge_base "
                        "WHERE embedding_due_at <= ?1 ORDER BY embedding_due_at LIMIT ?2"};
constexpr Statement next_due{"knowledge_base.embed_next_due",
                             "SELECT embedding_due_at FROM knowledge_base WHERE embedding_due_at IS NOT NULL "
                             "ORDER BY embedding_due_at LIMIT 1"};
constexpr Statement count_waiting{
    "knowledge_base.embed_count_waiting",
    "SELECT count(*) FROM knowledge_base WHERE embedding_due_at IS NOT NULL AND embedding_due_at >= 0",
    Cost::heavy};
constexpr Statement waiting{
    "knowledge_base_chunks.waiting",
    "SELECT " CHUNK_COLUMNS
    ", v.model IS NOT NULL "
    "FROM knowledge_base_chunks c LEFT JOIN knowledge_base_vectors v ON v.chunk_seq = c.seq "
    "WHERE c.knowledge_base_id = ?2 AND c.org_id = ?1 AND c.position > ?4 AND " NOT_OF("?3") " "
    "ORDER BY c.position LIMIT ?5",
    Cost::heavy};
constexpr Statement of_org{"knowledge_base_vectors.of_org",
                           "SELECT chunk_seq, model, vector FROM knowledge_base_vectors "
                           "WHERE org_id = ?1 AND chunk_seq > ?2 ORDER BY chunk_seq LIMIT ?3",
                           Cost::heavy};
constexpr Statement by_number{
    "knowledge_base_chunks.by_number",
    "SELECT " CHUNK_COLUMNS
    ", d.title FROM knowledge_base_chunks c "
    "CROSS JOIN knowledge_base d ON d.org_id = c.org_id AND d.id = c.knowledge_base_id "
    "WHERE c.seq IN (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) AND c.org_id = ?1"};

}  // namespace

void changed_knowledge(Batch& batch, const OrgId& org) { batch.add(changed, {bound(org)}); }

void make_due_where_not_embedded_by(Batch& batch, const std::string& model, UtcTime at) {
  batch.add(due_where_less, {model, bound(at)});
  batch.add(due_where_greater, {model, bound(at)});
  batch.add(due_again, {bound(at)});
}

void claim_document(Batch& batch, WaitingDocument& document, UtcTime until) {
  batch.add(claim, {bound(document.org), bound(document.id), bound(document.attempts), bound(until)}, 1);
  ++document.attempts;
}

void put_vector(Batch& batch, const OrgId& org, const ChunkId& chunk, const std::string& model,
                std::string vector) {
  batch.add(put, {bound(org), bound(chunk), model, std::move(vector)}, 1);
}

void count_embedded(Batch& batch, const WaitingDocument& document, std::int64_t more) {
  batch.add(count, {bound(document.org), bound(document.id), bound(document.attempts), more}, 1);
  changed_knowledge(batch, document.org);
}

void finish_document(Batch& batch, const WaitingDocument& document, const std::string& model) {
  batch.add(finish, {bound(document.org), bound(document.id), bound(document.attempts), model}, 1);
}

void retry_document(Batch& batch, const WaitingDocument& document, std::string error, UtcTime due_at) {
  batch.add(
      retry,
      {bound(document.org), bound(document.id), bound(document.attempts), bound(due_at), std::move(error)},
      1);
}

void change_dimensions(Batch& batch, const std::string& model, std::int64_t count_of, UtcTime at) {
  batch.add(put_dimensions, {model, count_of});
  batch.add(due_of_model, {model, bound(at)});
}

async::Task<Result<std::optional<std::int64_t>>> dimensions_of(Store& store, std::string model) {
  return find_one<std::int64_t>(store, dimensions, {std::move(model)},
                                [](const Row& row) { return row.integer(0); });
}

async::Task<Result<std::vector<WaitingDocument>>> due_documents(Store& store, UtcTime now, int limit) {
  return find_all<WaitingDocument>(store, due, {bound(now), bound(limit)}, [](const Row& row) {
    return WaitingDocument{id_from<OrgTag>(row, 0), id_from<DocumentTag>(row, 1),
                           static_cast<int>(row.integer(2))};
  });
}

async::Task<Result<std::optional<UtcTime>>> next_document_due(Store& store) {
  return find_one<UtcTime>(store, next_due, {}, [](const Row& row) { return from_unix_ms(row.integer(0)); });
}

async::Task<Result<std::int64_t>> count_waiting_documents(Store& store) {
  const auto found = co_await find_one<std::int64_t>(store, count_waiting, {},
                                                     [](const Row& row) { return row.integer(0); });
  if (!found) co_return found.error();
  co_return found->value_or(0);
}

async::Task<Result<std::vector<WaitingChunk>>> waiting_chunks(Store& store, OrgId org, DocumentId document,
                                                              std::string model, std::int64_t after,
                                                              int limit) {
  return find_all<WaitingChunk>(
      store, waiting, {bound(org), bound(document), std::move(model), after, bound(limit)},
      [](const Row& row) { return WaitingChunk{chunk_from(row), row.integer(chunk_columns) != 0}; });
}

async::Task<Result<std::int64_t>> knowledge_version(Store& store, OrgId org) {
  const auto found = co_await find_one<std::int64_t>(store, version, {bound(org)},
                                                     [](const Row& row) { return row.integer(0); });
  if (!found) co_return found.error();
  co_return found->value_or(0);
}

async::Task<Result<>> visit_vectors(
    Store& store, OrgId org,
    std::function<void(std::int64_t chunk_seq, std::string_view model, std::string_view vector)> visit) {
  std::int64_t last = 0;
  for (;;) {
    std::int64_t rows = 0;
    const auto read = co_await store.read(of_org, {bound(org), last, vectors_at_once}, [&](const Row& row) {
      last = row.integer(0);
      visit(last, row.text(1), row.text(2));
      ++rows;
    });
    if (!read || rows < vectors_at_once) co_return read;
  }
}

async::Task<Result<std::vector<NumberedChunk>>> find_chunks(Store& store, OrgId org,
                                                            std::vector<std::int64_t> seqs) {
  std::vector<NumberedChunk> found;
  for (std::size_t first = 0; first < seqs.size(); first += numbers_at_once) {
    std::vector<Value> values{bound(org)};
    for (std::size_t i = 0; i < numbers_at_once; ++i)
      values.push_back(first + i < seqs.size() ? Value{seqs[first + i]} : Value{std::monostate{}});
    const auto read = co_await store.read(by_number, std::move(values), [&](const Row& row) {
      found.push_back({row.integer(0), WordMatch{chunk_from(row), row.str(chunk_columns), 0}});
    });
    if (!read) co_return read.error();
  }
  std::vector<NumberedChunk> out;
  for (const std::int64_t seq : seqs)
    for (NumberedChunk& chunk : found)
      if (chunk.seq == seq) out.push_back(std::move(chunk));
  co_return out;
}

std::span<const Statement* const> embedding_statements() {
  static constexpr const Statement* all[] = {&changed,
                                             &version,
                                             &due_where_less,
                                             &due_where_greater,
                                             &due_again,
                                             &claim,
                                             &put,
                                             &count,
                                             &finish,
                                             &retry,
                                             &due,
                                             &next_due,
                                             &count_waiting,
                                             &waiting,
                                             &of_org,
                                             &by_number,
                                             &put_dimensions,
                                             &due_of_model,
                                             &dimensions};
  return all;
}

}  // namespace voxanne::store

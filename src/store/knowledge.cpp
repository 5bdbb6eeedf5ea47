#include "store/knowledge.h"

#include "store/chunk_columns.h"
#include "store/embeddings.h"
#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

#include <algorithm>
#include <cctype>

namespace voxanne::store {
namespace {

constexpr std::size_t most_words = 32;
constexpr std::int64_t chunks_at_once = 500;

constexpr Statement put{
    "knowledge_base.put",
    "INSERT INTO knowledge_base (org_id, id, title, file_name, content_type, bytes, sha256, chunk_count, "
    "created_at, updated_at, embedding_due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) "
    "ON CONFLICT (org_id, id) DO UPDATE SET "
    "title = CASE WHEN ?11 = 1 THEN excluded.title ELSE title END, file_name = excluded.file_name, "
    "content_type = excluded.content_type, bytes = excluded.bytes, sha256 = excluded.sha256, "
    "chunk_count = excluded.chunk_count, updated_at = excluded.updated_at, embedded_chunks = 0, "
    "embedding_model = '', embedding_due_at = excluded.embedding_due_at, embedding_attempts = 0, "
    "embedding_error = ''"};
constexpr Statement erase_chunks{
    "knowledge_base_chunks.erase",
    "DELETE FROM knowledge_base_chunks WHERE knowledge_base_id = ?2 AND org_id = ?1"};
constexpr Statement insert_chunk{
    "knowledge_base_chunks.insert",
    "INSERT INTO knowledge_base_chunks (org_id, knowledge_base_id, id, position, heading, text, page, "
    "starts_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"};
constexpr Statement rename{
    "knowledge_base.rename",
    "UPDATE knowledge_base SET title = ?3, updated_at = ?4 WHERE org_id = ?1 AND id = ?2"};
constexpr Statement erase{"knowledge_base.erase", "DELETE FROM knowledge_base WHERE org_id = ?1 AND id = ?2"};

#define DOCUMENT_COLUMNS                                                                      \
  "seq, created_at, id, org_id, title, file_name, content_type, bytes, sha256, chunk_count, " \
  "embedded_chunks, updated_at, embedding_model, embedding_due_at, embedding_attempts, embedding_error"

constexpr Statement one{"knowledge_base.one",
                        "SELECT " DOCUMENT_COLUMNS " FROM knowledge_base WHERE org_id = ?1 AND id = ?2"};
constexpr Statement newest{"knowledge_base.page",
                           "SELECT " DOCUMENT_COLUMNS
                           " FROM knowledge_base WHERE org_id = ?5 AND (created_at, seq) < (?1, ?2) "
                           "ORDER BY created_at DESC, seq DESC LIMIT ?3 OFFSET ?4"};

constexpr Statement of_document{
    "knowledge_base_chunks.of_document",
    "SELECT " CHUNK_COLUMNS
    " FROM knowledge_base_chunks c WHERE c.knowledge_base_id = ?2 AND c.org_id = ?1 "
    "ORDER BY c.position",
    Cost::heavy};
constexpr Statement of_org{
    "knowledge_base_chunks.of_org",
    "SELECT " CHUNK_COLUMNS
    " FROM knowledge_base_chunks c WHERE c.org_id = ?1 AND c.seq > ?2 ORDER BY c.seq LIMIT ?3",
    Cost::heavy};

// `rank` is the table's own bm25; lower is better.
constexpr Statement search{
    "knowledge_base_chunks.search",
    "SELECT " CHUNK_COLUMNS
    ", d.title, -f.rank FROM knowledge_base_chunks_fts f "
    "CROSS JOIN knowledge_base_chunks c ON c.seq = f.rowid "
    "CROSS JOIN knowledge_base d ON d.org_id = c.org_id AND d.id = c.knowledge_base_id "
    "WHERE f.knowledge_base_chunks_fts MATCH ?2 AND c.org_id = ?1 ORDER BY f.rank LIMIT ?3",
    Cost::heavy};

WordMatch match_from(const Row& row) {
  return {chunk_from(row), row.str(chunk_columns), row.real(chunk_columns + 1)};
}

// An FTS5 string (https://www.sqlite.org/fts5.html §3.1) of what can be part of a word.
std::string quoted_word(std::string_view word) {
  std::string quoted{'"'};
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || std::isalnum(byte)) quoted.push_back(c);
  }
  if (quoted.size() == 1) return {};
  return quoted + '"';
}

std::string match_any(const OrgId& org, const std::vector<std::string>& words) {
  std::string any;
  std::size_t taken = 0;
  for (const std::string& word : words) {
    const std::string quoted = quoted_word(word);
    if (quoted.empty() || taken++ == most_words) continue;
    if (!any.empty()) any += " OR ";
    any += quoted;
  }
  if (any.empty()) return {};
  std::string own{org.str()};
  std::erase(own, '"');
  return "org_id : \"" + own + "\" AND {heading text} : (" + any + ")";
}

}  // namespace

void put_document(Batch& batch, const domain::Document& document, const std::vector<domain::Chunk>& chunks,
                  Title title) {
  batch.add(put,
            {bound(document.org), bound(document.id), document.title, document.file_name,
             document.content_type, document.bytes, document.sha256, static_cast<std::int64_t>(chunks.size()),
             bound(document.created_at), bound(document.updated_at), std::int64_t{title == Title::is_given}},
            1);
  batch.add(erase_chunks, {bound(document.org), bound(document.id)});
  for (const domain::Chunk& chunk : chunks)
    batch.add(insert_chunk,
              {bound(document.org), bound(document.id), bound(chunk.id), chunk.position, chunk.heading,
               chunk.text, chunk.page ? Value{*chunk.page} : Value{}, chunk.starts_at, chunk.ends_at},
              1);
  changed_knowledge(batch, document.org);
}

void rename_document(Batch& batch, const OrgId& org, const DocumentId& id, std::string title, UtcTime at) {
  batch.add(rename, {bound(org), bound(id), std::move(title), bound(at)}, 1);
}

void erase_document(Batch& batch, const OrgId& org, const DocumentId& id) {
  batch.add(erase, {bound(org), bound(id)}, 1);
  changed_knowledge(batch, org);
}

domain::Document document_from(const Row& row) {
  using namespace document_column;
  return {id_from<DocumentTag>(row, id),
          id_from<OrgTag>(row, org_id),
          row.str(title),
          row.str(file_name),
          row.str(content_type),
          row.integer(bytes),
          row.str(sha256),
          row.integer(chunk_count),
          row.integer(embedded_chunks),
          from_unix_ms(row.integer(created_at)),
          from_unix_ms(row.integer(updated_at)),
          row.str(embedding_model),
          row.time(embedding_due_at),
          static_cast<int>(row.integer(embedding_attempts)),
          row.str(embedding_error)};
}

async::Task<Result<std::optional<domain::Document>>> find_document(Store& store, OrgId org, DocumentId id) {
  return find_one(store, one, {bound(org), bound(id)}, document_from);
}

async::Task<Result<PageInfo>> page_of_documents(Store& store, OrgId org, PageRequest request,
                                                RowVisitor visit) {
  return read_page(store, newest, {bound(org)}, request, start_of(request), std::move(visit));
}

async::Task<Result<std::vector<domain::Chunk>>> chunks_of_document(Store& store, OrgId org, DocumentId id) {
  return find_all(store, of_document, {bound(org), bound(id)}, chunk_from);
}

async::Task<Result<>> visit_chunks(Store& store, OrgId org, std::function<void(const domain::Chunk&)> visit) {
  std::int64_t last = 0;
  for (;;) {
    std::int64_t rows = 0;
    const auto read = co_await store.read(of_org, {bound(org), last, chunks_at_once}, [&](const Row& row) {
      visit(chunk_from(row));
      last = row.integer(0);
      ++rows;
    });
    if (!read || rows < chunks_at_once) co_return read;
  }
}

async::Task<Result<std::vector<WordMatch>>> search_words(Store& store, OrgId org,
                                                         std::vector<std::string> words, int limit) {
  std::string match = match_any(org, words);
  if (match.empty()) co_return std::vector<WordMatch>{};
  co_return co_await find_all(store, search, {bound(org), std::move(match), bound(limit)}, match_from);
}

std::span<const Statement* const> knowledge_statements() {
  static constexpr const Statement* all[] = {&put, &erase_chunks, &insert_chunk, &rename, &erase,
                                             &one, &newest,       &of_document,  &of_org, &search};
  return all;
}

}  // namespace voxanne::store

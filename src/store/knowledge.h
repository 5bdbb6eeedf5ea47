// Documents, their chunks and the word index over them; the knowledge-gap inbox.
#pragma once

#include "domain/knowledge.h"
#include "store/page.h"
#include "store/store.h"

#include <string>
#include <vector>

namespace voxanne::store {

// ── Writing ────────────────────────────────────────────────────────────────────────────────────

// The document with all its chunks, searchable by words once the batch is durable, and due to be embedded
// (store/embeddings.h). An existing document of that id is replaced, chunks and all; its created_at stays,
// and so does its title where the new one is merely the file's name: somebody may have chosen a better one.
enum class Title { is_given, is_of_file };
void put_document(Batch& batch, const domain::Document& document, const std::vector<domain::Chunk>& chunks,
                  Title title = Title::is_given);
// A conflict if there is none.
void rename_document(Batch& batch, const OrgId& org, const DocumentId& id, std::string title, UtcTime at);
void erase_document(Batch& batch, const OrgId& org, const DocumentId& id);

// A question asked again (same words, whatever their case, spacing and punctuation) counts up instead of
// opening a second gap.
void open_gap(Batch& batch, const domain::Gap& gap);
// A conflict if there is no such gap, or it has an answer.
void answer_gap(Batch& batch, const OrgId& org, const GapId& id, const DocumentId& answer, UtcTime at);
// The gaps of a call that is erased, and its questions wherever their answers show them. What was answered
// stays the organization's knowledge, without the caller's words: as titles and headings they go, and so do
// vectors and search entries that were made of them; it is due to be embedded anew.
void forget_questions(Batch& batch, const OrgId& org, const CallId& call);
// The gaps alone.
void erase_gaps_of(Batch& batch, const OrgId& org, const CallId& call);

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

namespace document_column {
enum : int {
  seq,
  created_at,
  id,
  org_id,
  title,
  file_name,
  content_type,
  bytes,
  sha256,
  chunk_count,
  embedded_chunks,
  updated_at,
  embedding_model,
  embedding_due_at,
  embedding_attempts,
  embedding_error,
};
}
domain::Document document_from(const Row& row);

async::Task<Result<std::optional<domain::Document>>> find_document(Store& store, OrgId org, DocumentId id);
// Newest first. `total` is null.
async::Task<Result<PageInfo>> page_of_documents(Store& store, OrgId org, PageRequest request,
                                                RowVisitor visit);
async::Task<Result<std::vector<domain::Chunk>>> chunks_of_document(Store& store, OrgId org, DocumentId id);
// Every text of the organization, oldest document first: what its language model is built from.
async::Task<Result<>> visit_chunks(Store& store, OrgId org, std::function<void(const domain::Chunk&)> visit);

struct WordMatch {
  domain::Chunk chunk;
  std::string title;  // of its document
  double score = 0;   // BM25, higher is better; comparable within one search only
};
// The best chunks that hold any of the words (stemmed; a word is letters and digits, at most 32
// words are taken), headings weighing double. No words: no matches.
async::Task<Result<std::vector<WordMatch>>> search_words(Store& store, OrgId org,
                                                         std::vector<std::string> words, int limit);

namespace gap_column {
enum : int { seq, created_at, id, org_id, call_id, question, asked, answered_at, answer_id };
}
domain::Gap gap_from(const Row& row);
async::Task<Result<std::optional<domain::Gap>>> find_gap(Store& store, OrgId org, GapId id);
// Those without an answer, newest first. `total` is null.
async::Task<Result<PageInfo>> page_of_open_gaps(Store& store, OrgId org, PageRequest request,
                                                RowVisitor visit);

}  // namespace voxanne::store

// Vectors of chunks, and the documents whose chunks wait for one: a durable queue that is the documents'
// own rows (embedding_due_at), so that a document cannot be forgotten, nor its entry outlive it.
#pragma once

#include "domain/knowledge.h"
#include "store/knowledge.h"
#include "store/store.h"

#include <span>
#include <string>
#include <vector>

namespace voxanne::store {

struct WaitingDocument {
  OrgId org;
  DocumentId id;
  int attempts = 0;
};

struct WaitingChunk {
  domain::Chunk chunk;
  bool embedded = false;  // by another model, or in other dimensions: that vector stays until it is replaced
};

// ── Writing ────────────────────────────────────────────────────────────────────────────────────

// What is kept in memory of the organization's vectors is out of date after this batch.
void changed_knowledge(Batch& batch, const OrgId& org);

// Every document that is not wholly embedded by this model is due now.
void make_due_where_not_embedded_by(Batch& batch, const std::string& model, UtcTime at);

// Nobody else is given it until then. A conflict if it was changed or claimed meanwhile; `attempts` counts.
void claim_document(Batch& batch, WaitingDocument& document, UtcTime until);
// A conflict if the chunk is not there any more. `vector`: little-endian floats.
void put_vector(Batch& batch, const OrgId& org, const ChunkId& chunk, const std::string& model,
                std::string vector);
// So many more chunks of it have a vector.
void count_embedded(Batch& batch, const WaitingDocument& document, std::int64_t more);
// A conflict if it was changed meanwhile, or if a chunk of it still lacks the model's vector.
void finish_document(Batch& batch, const WaitingDocument& document, const std::string& model);
void retry_document(Batch& batch, const WaitingDocument& document, std::string error, UtcTime due_at);

// The model's vectors have so many dimensions from now on. Its others, which can no longer be compared with
// anything, stay until they are replaced, and every document that has some is due.
void change_dimensions(Batch& batch, const std::string& model, std::int64_t dimensions, UtcTime at);

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

async::Task<Result<std::vector<WaitingDocument>>> due_documents(Store& store, UtcTime now, int limit);
async::Task<Result<std::optional<UtcTime>>> next_document_due(Store& store);
// All that wait, due or not.
async::Task<Result<std::int64_t>> count_waiting_documents(Store& store);
// In order, from after the position on.
async::Task<Result<std::vector<WaitingChunk>>> waiting_chunks(Store& store, OrgId org, DocumentId document,
                                                              std::string model, std::int64_t after,
                                                              int limit);

async::Task<Result<std::optional<std::int64_t>>> dimensions_of(Store& store, std::string model);

// Grows with every change; 0: nothing was ever known.
async::Task<Result<std::int64_t>> knowledge_version(Store& store, OrgId org);
// Every vector of the organization in the order of their chunks' numbers, little-endian floats, valid while
// it is visited.
async::Task<Result<>> visit_vectors(
    Store& store, OrgId org,
    std::function<void(std::int64_t chunk_seq, std::string_view model, std::string_view vector)> visit);

// The chunks of these numbers with their titles, in the order asked for; those that are gone are left out.
struct NumberedChunk {
  std::int64_t seq = 0;
  WordMatch found;
};
async::Task<Result<std::vector<NumberedChunk>>> find_chunks(Store& store, OrgId org,
                                                            std::vector<std::int64_t> seqs);

}  // namespace voxanne::store

// A document → searchable knowledge: extracted, cut into chunks and written with its word index in
// one batch. The same name uploaded again replaces the document; nothing is searchable half.
//
// Tasks run on the caller's loop; extraction and cutting on the reader's workers.
#pragma once

#include "async/worker_pool.h"
#include "domain/knowledge.h"
#include "knowledge/extract.h"
#include "store/store.h"

#include <string>
#include <utility>
#include <vector>

namespace voxanne::knowledge {

struct Source {
  OrgId org;
  std::string title;      // shown as the source of answers; empty: from the file name
  std::string file_name;  // decides the format, with the content type
  std::string content_type;
  std::string bytes;
  DocumentId id{};  // empty: by the name, so that a second upload replaces the first
};

// What reads documents. Its workers are busy with one for up to 20 s: nobody who waits shares them.
struct DocumentReader {
  DocumentReader(async::WorkerPool& on, std::vector<std::string> by = {})
      : workers(on), command(std::move(by)) {}

  async::WorkerPool& workers;
  std::vector<std::string> command;  // as extract() takes it
};

inline constexpr std::size_t max_chunks = 10'000;
inline constexpr std::size_t max_title_bytes = 200;

// What a document of this name is called by: the same for every upload of it.
DocumentId document_id_of(std::string_view name);

// The document as it was stored. Errors: those of format_of() and extract(), impossible
// (document_too_long, document_without_title), those of the store.
async::Task<Result<domain::Document>> ingest(store::Store& store, DocumentReader reader, Source source,
                                             UtcTime at);

// Errors: not_found (document_not_found), those of the store.
async::Task<Result<>> erase(store::Store& store, OrgId org, DocumentId id);

}  // namespace voxanne::knowledge

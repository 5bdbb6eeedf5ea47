// What an organization knows: documents cut into chunks, and the questions that found no answer.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::domain {

struct Document {
  DocumentId id;
  OrgId org;
  std::string title;         // shown as the source of an answer
  std::string file_name;     // as uploaded, or empty
  std::string content_type;  // "text/markdown"
  std::int64_t bytes = 0;    // of the original
  std::string sha256;        // of the original, hex
  std::int64_t chunk_count = 0;
  std::int64_t embedded_chunks = 0;  // the rest waits for an embedding and is found by its words
  UtcTime created_at{}, updated_at{};
  std::string embedding_model{};              // that every chunk has a vector of; empty: not every one
  std::optional<UtcTime> embedding_due_at{};  // when the next attempt is; nullopt: nothing waits
  int embedding_attempts = 0;                 // in vain so far
  std::string embedding_error{};              // why the last one was: a code
};

struct Chunk {
  ChunkId id;
  DocumentId document;
  std::int64_t position = 0;  // within the document, from 0
  std::string heading;        // the headings above it, outermost first
  std::string text;
  std::optional<std::int64_t> page{};       // of a document that has pages, from 1
  std::int64_t starts_at = 0, ends_at = 0;  // bytes of the document's text that it was made of
};

// A question that found no answer, in the inbox until somebody answers it in one line.
struct Gap {
  GapId id;
  OrgId org;
  CallId call;             // the call in which it was asked first
  std::string question;    // as it was asked first
  std::int64_t asked = 1;  // how often
  UtcTime created_at{};
  std::optional<UtcTime> answered_at;
  DocumentId answer;  // the document that the answer became, also when it was asked again since
};

}  // namespace voxanne::domain

// The columns of a chunk in every statement that reads one, from column 0 on; `c` is its table.
#pragma once

#include "domain/knowledge.h"
#include "store/values.h"

#define CHUNK_COLUMNS \
  "c.seq, c.id, c.knowledge_base_id, c.position, c.heading, c.text, c.page, c.starts_at, c.ends_at"

namespace voxanne::store {

inline constexpr int chunk_columns = 9;

inline domain::Chunk chunk_from(const Row& row) {
  domain::Chunk chunk;
  chunk.id = id_from<ChunkTag>(row, 1);
  chunk.document = id_from<DocumentTag>(row, 2);
  chunk.position = row.integer(3);
  chunk.heading = row.str(4);
  chunk.text = row.str(5);
  if (!row.is_null(6)) chunk.page = row.integer(6);
  chunk.starts_at = row.integer(7);
  chunk.ends_at = row.integer(8);
  return chunk;
}

}  // namespace voxanne::store

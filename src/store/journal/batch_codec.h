// Batches as bytes: a statement by its name, so that a journal outlives the process and a restart.
// Pure functions; little endian.
//
//   u8 version (1) | text stream | i64 number | u16 steps
//   step   text name | u8 rows are expected, i64 how many if so | u16 values
//   value  u8 0 null | 1 i64 | 2 f64 | 3 text
//   text   u32 bytes, then these
//
// What a name stands for may be read by a later version of the program: a released statement that
// writes keeps its parameters, and one with others gets another name.
#pragma once

#include "store/store.h"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace voxanne::store {

using Catalogue = std::unordered_map<std::string_view, const Statement*>;
// Throws when two have the same name.
Catalogue catalogue_of(std::span<const Statement* const> statements);

// Numbered batches only.
std::string encode_batch(const Batch& batch);
// Errors: malformed (journal_batch_malformed), not_found (journal_statement_unknown).
Result<Batch> decode_batch(std::string_view bytes, const Catalogue& catalogue);

}  // namespace voxanne::store

// The order of an FTS5 index: its segments by level, in one record of its _data table (id 10; SQLite's
// fts5_index.c, "Structure record"). FTS5 rewrites all segments of a level into one of the next, some pages
// at a time, and a deleted term is gone once it has been rewritten together with everything older. Two SQL
// functions let a round of that be begun and watched while entries are added (store/erasure.h):
//
//   search_gathered(block)    the record with all segments in level 16, oldest first, and none above: just
//                             these the next merge takes. Newer ones come in at level 0, and reach 16
//                             by some 4^16 commits. FTS5 itself only ever adds levels.
//   search_gathering(block)   whether level 16 is being rewritten
//
// An error of the statement where the record is malformed. FTS5 keeps a copy of the record: whoever changes
// it has no entries pending, and makes FTS5 forget the copy by ('merge', 0).
#pragma once

struct sqlite3;

namespace voxanne::store {

// For the life of the connection; an SQLite result code.
int add_segment_functions(sqlite3* db);

}  // namespace voxanne::store

// The bookkeeping of batches that take effect once (Batch::once), and the name of the database that
// keeps it.
#pragma once

#include "store/store.h"

namespace voxanne::store {

// Run by the engine before the steps of a numbered batch: no row changes when it was applied before.
extern const Statement mark_applied;

// Streams that began before `before`: nobody may give a batch of theirs any more.
async::Task<Result<>> forget_streams(Store& store, UtcTime before);

// The same through all backups of a database, and no other's. Errors: the store's.
async::Task<Result<std::string>> database_identity(Store& store);

}  // namespace voxanne::store

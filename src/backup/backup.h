// A consistent copy of everything a server keeps, made while it serves, and put back where there is
// nothing yet. names.h says what a backup holds.
//
// What is consistent: the database is one snapshot. The journal is copied before it, so that what waited
// there is either in the snapshot or in the copy (and applied once: store/journal). Spools are copied after
// it and stored recordings after those, so that a recording which is on its way from one to the other is
// found in at least one place. A call that runs is in the backup up to that moment, and is ended by the
// recovery of the first start after a restore, as after a crash.
//
// What is removed while a backup is made (a caller's erasure) may still be in it, or not. A recording that
// cannot be read, for whatever other reason, is an error, and there is no backup; one that is not in the
// store although the database still has it as stored is nobody's to give, and is named.
#pragma once

#include "async/worker_pool.h"
#include "recordings/object_store.h"

#include <filesystem>
#include <string>
#include <vector>

namespace voxanne::backup {

struct Places {
  std::filesystem::path data_dir;  // its journal, spool and secret.key
  std::filesystem::path database;
};

struct Contents {
  std::int64_t recordings = 0, spooled = 0, journalled = 0;
  bool secret = false;
  std::vector<std::string> missing;  // keys of stored recordings that the store has not
};

// Makes `file` (mode 0600), or nothing: it appears under its name once it is whole and durable. Until then
// all of it is in the directory FILE.partial (mode 0700); what a killed backup left there is removed by the
// next one to the same file. `secret`: the root secret was made by the server and belongs to the copy.
// Errors: conflict (backup_exists, backup_running), not_found (nothing_to_back_up), unavailable, and those of
// the object store.
async::Task<Result<Contents>> back_up(Places from, recordings::ObjectStore& objects, bool secret,
                                      std::string version, std::filesystem::path file);

// `to` must hold nothing that it would overwrite; `node` takes over what nodes of other names had begun. A
// restore that was interrupted is begun again by the next one to the same places. Errors: conflict
// (restore_would_overwrite, restore_elsewhere), malformed (backup_unreadable, backup_torn, backup_newer),
// not_found (backup_missing), unavailable.
async::Task<Result<Contents>> restore(std::filesystem::path file, Places to, recordings::ObjectStore& objects,
                                      bool secret, std::string node);

// Whether a restore began in this data directory and has not ended: nothing may serve it.
bool restore_is_unfinished(const std::filesystem::path& data_dir);

}  // namespace voxanne::backup

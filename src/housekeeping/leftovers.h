// Recordings that nobody wants any more: objects and spool files without a call, or whose call has let
// them go. Only names of our own making count (ORG/CALL.ogg, ORG/CALL.spool), only what has not changed for
// a day, and never what a living process writes.
#pragma once

#include "async/worker_pool.h"
#include "base/ids.h"
#include "recordings/object_store.h"
#include "store/store.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace voxanne::housekeeping {

// Of a call whose rows are gone: whoever holds something of it in memory lets go of it.
using Forget = std::function<void(const OrgId&, const CallId&)>;
inline void nobody_remembers(const OrgId&, const CallId&) {}

struct Leftover {
  OrgId org;
  CallId call;
  std::string object_key;         // of an object, or
  std::filesystem::path spooled;  // of a file in the spool
  std::uint64_t bytes = 0;
  // Its call is known and has let it go: a cleanup died between the two. Otherwise nobody knows the call.
  bool let_go = false;
};

struct Leftovers {
  std::vector<Leftover> found;
  // Of each organization, all recordings there are, these included.
  std::map<OrgId, std::int64_t> recordings;
};

// Looks at the whole object store and the whole spool. Errors: those of store and objects.
async::Task<Result<Leftovers>> find_leftovers(store::Store& store, recordings::ObjectStore& objects,
                                              async::WorkerPool& workers, std::filesystem::path spool,
                                              UtcTime unchanged_since);

// A file that a living process has taken up meanwhile stays. Success also where it is gone.
async::Task<Result<>> remove_leftover(recordings::ObjectStore& objects, async::WorkerPool& workers,
                                      Leftover leftover);

// The files of a call in the spool: what was recorded, and what is being encoded of it.
async::Task<> remove_spooled(async::WorkerPool& workers, std::filesystem::path spool, OrgId org, CallId call);

}  // namespace voxanne::housekeeping

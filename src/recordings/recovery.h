// At start: what the boots before this one left half-written becomes whole.
//
//   calls without a verdict   → "worker-shutdown", ended when their recording or their last turn ended
//   spool files of the dead   → torn end cut off, call's recording queued for encoding
//   spool files of the stored → removed
//
// A file that a living process holds is left alone, and so are calls of other nodes and of this
// boot. Each call is mended in one batch that contradicts nothing that was written before, so that a
// crash in the middle of recovery leaves the rest to the next one.
//
// Runs before the server takes calls, on the caller's loop; files are read on the workers. What the
// database refuses (it is away) is an error: try again, nothing was lost.
#pragma once

#include "async/clock.h"
#include "async/worker_pool.h"
#include "recordings/spool_file.h"
#include "store/calls.h"

namespace voxanne::recordings {

struct Recovered {
  int calls_ended = 0;        // got their verdict
  int recordings_queued = 0;  // will be encoded
  int recordings_empty = 0;   // held no audio yet
  int files_removed = 0;      // of recordings that are stored, and unfinished ones
  int files_held = 0;         // by a living process
  int files_unowned = 0;      // no call of that id: left for the cleanup
  int files_unreadable = 0;   // by the disk's fault: queued as they are, uncut
  std::uint64_t bytes_cut = 0;
};

async::Task<Result<Recovered>> recover(store::Store& store, async::WorkerPool& workers, async::Clock& clock,
                                       std::filesystem::path spool, store::Holder holder);

}  // namespace voxanne::recordings

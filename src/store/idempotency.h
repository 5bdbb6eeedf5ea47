// Idempotency keys of creates: who asked first, and what it was answered.
//
//   claim (conflict: somebody holds it; look with find) → the work → settle, or release to let it be tried
//   again
#pragma once

#include "base/ids.h"
#include "store/store.h"

#include <optional>
#include <string>

namespace voxanne::store {

struct IdempotencyClaim {
  OrgId org;
  std::string key;
  std::string fingerprint;  // of what was asked
  std::string holder;       // unique to the request
};

struct IdempotentAnswer {
  std::string fingerprint;
  std::optional<int> status;  // nullopt: still running
  std::string body;
};

// Takes the key unless it is held: by an answer younger than `kept`, or by a request that began less
// than `abandoned` ago and has not answered. Errors: conflict when it is held.
async::Task<Result<>> claim(Store& store, IdempotencyClaim claim, UtcTime now, milliseconds kept,
                            milliseconds abandoned);
async::Task<Result<std::optional<IdempotentAnswer>>> find_idempotent_answer(Store& store, OrgId org,
                                                                            std::string key);
// Nothing when the claim has passed to another request meanwhile.
void settle(Batch& batch, const IdempotencyClaim& claim, int status, std::string body);
void release(Batch& batch, const IdempotencyClaim& claim);

}  // namespace voxanne::store

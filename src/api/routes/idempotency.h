// Idempotency-Key: for 24 h the same key and request get the same answer, whatever happened to the
// first one's connection. Wraps the endpoint of every POST that needs a token.
//
//   same key, same request      the first answer again, with Idempotency-Replayed: true
//   same key, another request   409 idempotency_key_reused
//   the first still runs        409 idempotency_key_in_use, Retry-After
//   its answer held a secret    409 already_created: that is shown once, and not kept
//   nobody knows what came of   409 outcome_unknown: the database did not answer the first in time, which may
//   the first                   have been carried out
//
// Making an organization belongs to none yet, so its key names what it makes (Accounts::found_organization).
//
// What is kept of a request is its keyed hash. An upload that is tried again may part its body by another
// boundary.
// Answers of 5xx and 429 are not kept: the work was not done, and may be tried again with its key.
// A request that died with its process holds its key for a minute. What becomes of a key is written behind
// what the request wrote, and nobody waits for that while the database does not answer.
#pragma once

#include "api/routes/routes.h"

namespace voxanne::api {

// Empty where there is none. Error: malformed (invalid_idempotency_key).
Result<std::string> idempotency_key(const net::Request& request);

enum class Answers { are_kept, hold_a_secret };

async::Task<Result<net::Response>> run_once(Services& services, Context& context, ServiceEndpoint endpoint,
                                            Answers answers);

}  // namespace voxanne::api

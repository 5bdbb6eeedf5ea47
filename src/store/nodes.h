// The processes that serve. A node's heartbeat is a real, durable write: its outcome is what health
// reports about the database.
#pragma once

#include "store/calls.h"

namespace voxanne::store {

async::Task<Result<>> beat(Store& store, Holder holder, UtcTime at);

}  // namespace voxanne::store

// A call as clients see it: contracts.md's Call, every field always present, null where unknown.
// The one place that writes it, for create, get, list, dashboard and events alike.
#pragma once

#include "domain/call.h"
#include "store/store.h"

#include <string>

namespace voxanne::api {

// A row of store::call_column, written straight from its columns.
void append_call(std::string& out, const store::Row& row);
// A call that was just made and has nothing of what looking back on it will find.
void append_call(std::string& out, const domain::Call& call);

}  // namespace voxanne::api

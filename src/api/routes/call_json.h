// A row of store::call_column as contracts.md's Call, written straight from its columns.
#pragma once

#include "store/store.h"

#include <string>

namespace voxanne::api {

void append_call(std::string& out, const store::Row& row);

}  // namespace voxanne::api

// The receipt of an erasure, as it is answered to who asks for it.
#pragma once

#include "net/http.h"
#include "store/erasure.h"

namespace voxanne::api {

// 200 when all of it is gone; 202 while some of it still follows by itself: records of a contact of which a
// call runs, or what lies outside the database, or the search index.
net::Response receipt_answer(const store::Receipt& receipt);

}  // namespace voxanne::api

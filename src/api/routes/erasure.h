// The receipt of an erasure, as it is answered.
#pragma once

#include "housekeeping/eraser.h"
#include "net/http.h"

namespace voxanne::api {

// 200 when all of it is gone; 202 while what lies outside the database, or the search index, still follows.
net::Response receipt_answer(const housekeeping::Receipt& receipt);

}  // namespace voxanne::api

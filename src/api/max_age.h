// How long an answer may be kept, as its sender says. Pure.
#pragma once

#include "base/time.h"
#include "net/http.h"

#include <optional>

namespace voxanne::api {

// Cache-Control: max-age=600 (RFC 9111 §5.2.2.1): the first that can be read, at most a day.
std::optional<seconds> max_age(const net::Headers& headers);

}  // namespace voxanne::api

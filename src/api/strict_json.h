// JSON objects from whoever wants to get in, where two readers must not see two documents: RFC 8259
// without extensions, valid UTF-8, at most 16 levels, and no member named twice at any level (after
// its escapes are decoded).
#pragma once

#include <boost/json/object.hpp>

#include <optional>
#include <string_view>

namespace voxanne::api {

std::optional<boost::json::object> parse_strict_object(std::string_view text);

}  // namespace voxanne::api

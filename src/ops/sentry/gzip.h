// gzip (RFC 1952) in one go, for a request's body.
#pragma once

#include <string>
#include <string_view>

namespace voxanne::ops::sentry {

std::string gzip(std::string_view text);

}  // namespace voxanne::ops::sentry

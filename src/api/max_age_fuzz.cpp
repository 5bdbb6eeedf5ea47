// Whatever an identity provider says of its keys' age: a time that can be waited for, and the first one said.
#include "api/max_age.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace voxanne;

namespace {

std::optional<seconds> read(const std::string& value) {
  net::Headers headers;
  headers.add("Cache-Control", value);
  return api::max_age(headers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  if (text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
    return 0;  // no field holds them
  const auto age = read(text);
  if (age && (*age < seconds{0} || *age > seconds{86'400})) std::abort();
  if (age && read("max-age=" + std::to_string(age->count())) != age) std::abort();
  if (read(text + ", max-age=7") != age.value_or(seconds{7})) std::abort();
  return 0;
}

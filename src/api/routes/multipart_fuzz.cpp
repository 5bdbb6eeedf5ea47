#include "api/routes/multipart.h"

#include <cstdlib>

// The first line is the Content-Type, the rest the body.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(bytes), size};
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view body = input.substr(std::min(line + 1, input.size()));
  const auto parts = voxanne::api::parse_multipart(input.substr(0, line), body);
  if (!parts) return 0;
  std::size_t total = 0;
  for (const auto& part : *parts) {
    total += part.data.size();
    if (!part.data.empty() &&
        (part.data.data() < body.data() || part.data.data() + part.data.size() > body.data() + body.size()))
      std::abort();
  }
  if (parts->size() > 32 || total > body.size()) std::abort();
  return 0;
}

// Queries, percent escapes and URLs.
#include "net/http.h"
#include "net/url.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  Query query;
  if (query.parse(text)) {
    if (query.all().size() > 256) std::abort();
    for (const auto& [name, value] : query.all())
      if (name.find('\0') != name.npos || value.find('\0') != value.npos) std::abort();
  }
  std::string decoded;
  const bool has_nul = text.find('\0') != text.npos;
  if (percent_decode(percent_encode(text), decoded) == has_nul) std::abort();
  if (!has_nul && decoded != text) std::abort();

  if (const auto url = parse_url(text)) {
    if (url->host.empty() || url->path.empty() || url->path.front() != '/') std::abort();
    static_cast<void>(url->origin() + url->target());
  }
  return 0;
}

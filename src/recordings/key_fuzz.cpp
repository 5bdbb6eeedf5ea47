// Keys as a bucket, an archive or an address may hold them: one that names a recording is the only key of
// that recording, and no key leads out of its store.
#include "recordings/key.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  using namespace voxanne::recordings;
  const std::string_view key{reinterpret_cast<const char*>(data), size};
  if (const auto name = parse_recording_key(key)) {
    if (!is_sane_id(name->org.str()) || !is_sane_id(name->call.str())) std::abort();
    if (recording_key(name->org, name->call) != key) std::abort();
  }
  if (is_object_key(key)) {
    if (key.empty() || key.size() > 512 || key.starts_with('/') || key.ends_with('/')) std::abort();
    const std::string within = "/" + std::string{key} + "/";
    for (const char* way_out : {"//", "/./", "/../", "\\"})
      if (within.find(way_out) != std::string::npos) std::abort();
    if (key.find('\0') != std::string_view::npos) std::abort();
  }
  return 0;
}

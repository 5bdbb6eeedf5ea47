#include "recordings/s3/s3_xml.h"

#include <cstdlib>

// What a hostile or broken service answers; what is sent back to it must be readable as it was meant.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace voxanne::recordings::s3;
  const std::string_view body{reinterpret_cast<const char*>(data), bytes};
  static_cast<void>(parse_error(body));
  static_cast<void>(parse_completed(body));
  if (const auto id = parse_upload_id(body); id && id->empty()) std::abort();
  static_cast<void>(parse_listing(body));
  static_cast<void>(parse_open_uploads(body));
  if (completion({std::string{body}}).find("</CompleteMultipartUpload>") == std::string::npos) std::abort();
  return 0;
}

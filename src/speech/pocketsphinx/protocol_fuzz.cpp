// Whatever bytes come: no crash, and what can be read can be written and read again.
#include "speech/pocketsphinx/protocol.h"

#include <cstdlib>

using namespace voxanne::speech::pocketsphinx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  std::string_view requests = bytes;
  for (;;) {
    const auto request = decode_request(requests);
    if (!request || !request->has_value()) break;
    std::string again;
    encode(**request, again);
    std::string_view rest = again;
    if (decode_request(rest).value() != *request) std::abort();
  }
  std::string_view answers = bytes;
  for (;;) {
    const auto answer = decode_answer(answers);
    if (!answer || !answer->has_value()) break;
    std::string again;
    encode(**answer, again);
    std::string_view rest = again;
    if (!decode_answer(rest).value()) std::abort();
  }
  return 0;
}

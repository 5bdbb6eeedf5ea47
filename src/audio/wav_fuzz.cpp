// The WAV reader: any bytes are an error with a code or a recording that its file had room for.
#include "audio/wav.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::audio;
  const auto wav = read_wav({reinterpret_cast<const std::byte*>(data), size});
  if (!wav) {
    if (wav.error().code.empty() || wav.error().message.empty()) std::abort();
    return 0;
  }
  if (wav->rate < 1'000 || wav->rate > 192'000 || wav->samples.size() * sizeof(Sample) + 36 > size)
    std::abort();
  return 0;
}

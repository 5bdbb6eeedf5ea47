#include "support/spoken.h"

#include "async/thread.h"
#include "async/worker_pool.h"
#include "audio/wav.h"
#include "speech/flite/synthesizer.h"

#include <cstdlib>
#include <stdexcept>

namespace voxanne::test {

std::vector<audio::Sample> spoken(const std::string& text, int rate) {
  async::LoopThread loop{"spoken"};
  async::WorkerPool workers{"spoken", 1};
  speech::flite::FliteSynthesizer synthesizer{workers};
  auto all = [](speech::Synthesizer& voice, std::string words,
                int hz) -> async::Task<std::vector<audio::Sample>> {
    std::vector<audio::Sample> out;
    const auto stream = voice.say(std::move(words), "rms", hz);
    while (auto chunk = (co_await stream->next()).value())
      out.insert(out.end(), chunk->samples.begin(), chunk->samples.end());
    co_return out;
  };
  return async::run_on(loop.executor(), all(synthesizer, text, rate));
}

void write_spoken(const std::filesystem::path& file, const std::string& text, int rate, double silence_before,
                  double silence_after) {
  std::vector<audio::Sample> samples(std::size_t(silence_before * rate), 0);
  const auto words = spoken(text, rate);
  samples.insert(samples.end(), words.begin(), words.end());
  samples.resize(samples.size() + std::size_t(silence_after * rate), 0);
  if (audio::write_wav_file(file, rate, 1, samples).has_error())
    throw std::runtime_error("cannot write " + file.string());
}

double audible_share(const std::vector<audio::Sample>& samples, int rate, double from, double to) {
  const auto size = audio::samples_per_frame(rate);
  const auto first = std::size_t(from * rate) / size;
  const auto last = std::min(std::size_t(to * rate), samples.size()) / size;
  std::size_t audible = 0;
  for (auto frame = first; frame < last; ++frame) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += std::abs(int(samples[frame * size + i]));
    if (sum > std::int64_t(size) * 120) ++audible;
  }
  return last > first ? double(audible) / double(last - first) : 0;
}

}  // namespace voxanne::test

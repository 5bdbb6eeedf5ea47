#include "support/understood.h"

#include "speech/pocketsphinx/decoder.h"
#include "support/spoken.h"

namespace voxanne::test {
namespace {

constexpr double pause = 0.4;  // seconds

}  // namespace

std::string understood(const std::vector<audio::Sample>& samples, int rate,
                       const std::filesystem::path& model) {
  auto decoder = speech::pocketsphinx::Decoder::open(model / "current").value();
  decoder->new_caller(rate);
  const auto frame = audio::samples_per_frame(rate);
  const std::vector<audio::Sample> silence(static_cast<std::size_t>(pause / 2 * rate));
  const double seconds = static_cast<double>(samples.size()) / rate;
  std::string all;
  bool listening = false;
  const auto end = [&] {
    if (!std::exchange(listening, false)) return;
    if (const auto heard = decoder->finish(); !heard.text.empty())
      all.append(all.empty() ? "" : " ").append(heard.text);
  };
  for (std::size_t at = 0; at + frame <= samples.size(); at += frame) {
    const double now = static_cast<double>(at) / rate;
    // Audible now or soon: the start of a word is softer than the rest of it.
    if (audible_share(samples, rate, std::max(0.0, now - pause), std::min(seconds, now + pause / 2)) == 0) {
      end();
      continue;
    }
    if (!listening) decoder->write(silence);
    listening = true;
    decoder->write(std::span{samples}.subspan(at, frame));
  }
  end();
  return all;
}

}  // namespace voxanne::test

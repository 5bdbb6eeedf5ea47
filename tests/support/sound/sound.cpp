#include "support/sound/sound.h"

#include "audio/g722.h"
#include "audio/wav.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <random>
#include <stdexcept>

namespace voxanne::test {
namespace {

const std::filesystem::path sounds = "/usr/share/asterisk/sounds/en_US_f_Allison";

std::size_t count(int rate, int ms) {
  return static_cast<std::size_t>(rate) * static_cast<std::size_t>(ms) / 1'000;
}

audio::Sample clipped(double x) {
  return static_cast<audio::Sample>(std::clamp(std::lround(x), -32'768L, 32'767L));
}

Samples at_level(const std::vector<double>& signal, double level) {
  double power = 0;
  for (const double x : signal) power += x * x;
  const double gain = 32'768 * std::pow(10, level / 20) /
                      std::sqrt(power / static_cast<double>(std::max<std::size_t>(1, signal.size())));
  Samples out;
  for (const double x : signal) out.push_back(clipped(x * gain));
  return out;
}

}  // namespace

Samples speech(const std::string& name, int rate) {
  if (rate == audio::narrowband) return audio::read_wav_file(sounds / (name + ".wav")).value().samples;
  std::ifstream in{sounds / (name + ".g722"), std::ios::binary};
  if (!in) throw std::runtime_error(name + ".g722: install asterisk-core-sounds-en-g722");
  const std::vector<char> bytes{std::istreambuf_iterator<char>{in}, {}};
  Samples out(2 * bytes.size());
  audio::G722Decoder{}.decode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, out);
  return out;
}

std::vector<std::string> speech_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(sounds))
    if (entry.path().extension() == ".wav") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

Samples white_noise(int rate, int ms, double level, unsigned seed) {
  std::mt19937 random{seed};
  std::normal_distribution<double> normal;
  std::vector<double> signal(count(rate, ms));
  for (double& x : signal) x = normal(random);
  return at_level(signal, level);
}

Samples pink_noise(int rate, int ms, double level, unsigned seed) {
  // The sum of white noises that each hold their value twice as long as the one before (Voss).
  std::mt19937 random{seed};
  std::normal_distribution<double> normal;
  double rows[14] = {};
  double sum = 0;
  std::vector<double> signal(count(rate, ms));
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const auto row = std::min<std::size_t>(13, i == 0 ? 13 : static_cast<std::size_t>(__builtin_ctzll(i)));
    sum -= rows[row];
    sum += rows[row] = normal(random);
    signal[i] = sum + normal(random);
  }
  return at_level(signal, level);
}

Samples hum(int rate, int ms, double level, double hz) {
  std::vector<double> signal(count(rate, ms));
  for (std::size_t i = 0; i < signal.size(); ++i)
    for (int harmonic = 1; harmonic <= 12; ++harmonic)
      signal[i] += std::sin(2 * std::numbers::pi * hz * harmonic * static_cast<double>(i) / rate) / harmonic;
  return at_level(signal, level);
}

Samples silence(int rate, int ms) { return Samples(count(rate, ms)); }

Samples operator+(Samples first, std::span<const audio::Sample> then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

Samples mix(Samples base, std::span<const audio::Sample> added) {
  for (std::size_t i = 0; i < std::min(base.size(), added.size()); ++i)
    base[i] = clipped(double(base[i]) + added[i]);
  return base;
}

Samples scaled(Samples samples, double gain_db) {
  const double gain = std::pow(10, gain_db / 20);
  for (auto& x : samples) x = clipped(x * gain);
  return samples;
}

double level_db(std::span<const audio::Sample> samples) {
  double power = 0;
  for (const double x : samples) power += x * x;
  return 10 *
         std::log10(power / static_cast<double>(std::max<std::size_t>(1, samples.size())) / 32'768 / 32'768 +
                    1e-12);
}

double snr_db(std::span<const audio::Sample> reference, std::span<const audio::Sample> got) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < std::min(reference.size(), got.size()); ++i) {
    signal += double(reference[i]) * reference[i];
    noise += (double(reference[i]) - got[i]) * (double(reference[i]) - got[i]);
  }
  return 10 * std::log10((signal + 1e-9) / (noise + 1e-9));
}

double level_at(std::span<const audio::Sample> samples, int rate, double hz) {
  const double turn = 2 * std::numbers::pi * hz / rate;
  double re = 0, im = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    re += samples[i] * std::cos(turn * static_cast<double>(i));
    im += samples[i] * std::sin(turn * static_cast<double>(i));
  }
  const double amplitude =
      2 * std::hypot(re, im) / static_cast<double>(std::max<std::size_t>(1, samples.size()));
  return 20 * std::log10(amplitude / 32'768 / std::numbers::sqrt2 + 1e-9);
}

int lag_of(std::span<const audio::Sample> reference, std::span<const audio::Sample> got, int max_lag) {
  int best = 0;
  double best_sum = -1e300;
  for (int lag = 0; lag <= max_lag; ++lag) {
    double sum = 0;
    for (std::size_t i = 0; i < reference.size() && i + static_cast<std::size_t>(lag) < got.size(); ++i)
      sum += double(reference[i]) * got[i + static_cast<std::size_t>(lag)];
    if (sum > best_sum) {
      best_sum = sum;
      best = lag;
    }
  }
  return best;
}

std::vector<audio::Frame> frames(std::span<const audio::Sample> samples, int rate) {
  const std::size_t size = audio::samples_per_frame(rate);
  std::vector<audio::Frame> out(samples.size() / size);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].rate = rate;
    out[i].kind = audio::Frame::Kind::voice;
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(i * size), size, out[i].pcm.begin());
  }
  return out;
}

}  // namespace voxanne::test

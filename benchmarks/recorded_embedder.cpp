#include "recorded_embedder.h"

#include "knowledge/similarity.h"

#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace voxanne::bench {
namespace {

constexpr std::size_t dimensions = 100;
// Of the smooth inverse frequency; and Zipf's law for the frequency of a rank.
constexpr double smoothing = 1e-3, zipf_total = 13;

}  // namespace

RecordedEmbedder::RecordedEmbedder(const std::filesystem::path& file) : common_(dimensions, 0.0f) {
  std::ifstream in{file};
  if (!in) throw std::runtime_error("cannot read " + file.string());
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream fields{line};
    std::string word, hex;
    double rank = 0, scale = 0;
    fields >> word >> rank >> scale >> hex;
    if (hex.size() != 2 * dimensions) throw std::runtime_error("a broken line in " + file.string());
    Word entry{static_cast<float>(smoothing / (smoothing + 1 / ((rank + 1) * zipf_total))),
               knowledge::Vector(dimensions)};
    for (std::size_t i = 0; i < dimensions; ++i) {
      const auto byte = static_cast<std::int8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
      entry.vector[i] = static_cast<float>(byte / 127.0 * scale);
      common_[i] += entry.vector[i];
    }
    words_.emplace(std::move(word), std::move(entry));
  }
  for (float& value : common_) value /= static_cast<float>(words_.size());
}

knowledge::Vector RecordedEmbedder::vector_of(const std::string& text) const {
  knowledge::Vector out(dimensions, 0.0f);
  std::string word;
  const auto count = [&] {
    if (const auto found = words_.find(word); found != words_.end())
      for (std::size_t i = 0; i < dimensions; ++i)
        out[i] += found->second.weight * (found->second.vector[i] - common_[i]);
    word.clear();
  };
  for (const char c : text + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)))
      word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    else if (c != '\'' && !word.empty())
      count();
  }
  if (!knowledge::normalize(out)) out[0] = 1;  // of no known word: equal to nothing in particular
  return out;
}

}  // namespace voxanne::bench

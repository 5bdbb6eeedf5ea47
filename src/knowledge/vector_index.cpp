#include "knowledge/vector_index.h"

#include "knowledge/similarity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

namespace voxanne::knowledge {

static_assert(std::endian::native == std::endian::little, "vectors are stored as they lie in memory");

std::string to_bytes(std::span<const float> vector) {
  return {reinterpret_cast<const char*>(vector.data()), vector.size_bytes()};
}

bool VectorIndex::add(std::int64_t chunk, std::string_view model, std::string_view bytes) {
  if (bytes.empty() || bytes.size() % sizeof(float) != 0) return false;
  const std::size_t dimensions = bytes.size() / sizeof(float);
  auto group = std::ranges::find_if(
      groups_, [&](const Group& g) { return g.dimensions == dimensions && g.model == model; });
  if (group == groups_.end()) {
    groups_.push_back({std::string{model}, dimensions, {}, {}});
    group = groups_.end() - 1;
  }
  const std::size_t end = group->rows.size();
  group->rows.resize(end + dimensions);
  std::memcpy(group->rows.data() + end, bytes.data(), bytes.size());
  const float length = dot(group->rows.data() + end, group->rows.data() + end, dimensions);
  if (!(std::abs(length - 1) < 1e-3f)) {
    group->rows.resize(end);
    return false;
  }
  group->chunks.push_back(chunk);
  return true;
}

std::vector<std::string> VectorIndex::models() const {
  std::map<std::string, std::size_t> sizes;
  for (const Group& group : groups_) sizes[group.model] += group.chunks.size();
  std::vector<std::string> out;
  for (const auto& [model, size] : sizes)
    if (size > 0) out.push_back(model);
  std::ranges::sort(out, [&](const auto& a, const auto& b) { return sizes[a] > sizes[b]; });
  return out;
}

Nearest VectorIndex::nearest(std::string_view model, std::span<const float> question,
                             std::size_t limit) const {
  Nearest out;
  for (const Group& group : groups_) {
    if (group.model != model || group.dimensions != question.size() || group.chunks.empty()) continue;
    std::vector<float> similar(group.chunks.size());
    dot_rows(question, group.rows.data(), similar);
    const double top = *std::ranges::max_element(similar);
    double sum = -top, squares = -top * top;
    for (const float value : similar) {
      sum += value;
      squares += double{value} * double{value};
    }
    out.compared = similar.size();
    const auto others = static_cast<double>(std::max<std::size_t>(out.compared - 1, 1));
    out.mean = sum / others;
    out.deviation = std::sqrt(std::max(0.0, squares / others - out.mean * out.mean));
    for (std::size_t i = 0; i < similar.size(); ++i) out.found.push_back({group.chunks[i], similar[i]});
    const auto best = out.found.begin() + static_cast<std::ptrdiff_t>(std::min(limit, out.found.size()));
    std::ranges::partial_sort(out.found, best, [](const Near& a, const Near& b) {
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.chunk < b.chunk;
    });
    out.found.erase(best, out.found.end());
  }
  return out;
}

std::size_t VectorIndex::size() const noexcept {
  std::size_t total = 0;
  for (const Group& group : groups_) total += group.chunks.size();
  return total;
}

std::size_t VectorIndex::bytes() const noexcept {
  std::size_t total = sizeof *this;
  for (const Group& group : groups_)
    total += group.rows.capacity() * sizeof(float) + group.chunks.capacity() * sizeof(std::int64_t);
  return total;
}

std::size_t VectorIndex::floats(std::string_view model) const noexcept {
  std::size_t total = 0;
  for (const Group& group : groups_)
    if (group.model == model) total += group.rows.size();
  return total;
}

}  // namespace voxanne::knowledge

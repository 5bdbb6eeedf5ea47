#include "knowledge/vector_index.h"

#include "knowledge/similarity.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

namespace voxanne::knowledge {

static_assert(std::endian::native == std::endian::little, "vectors are stored as they lie in memory");

namespace {

// A vector of all rows would take twice the space of its rows, and thrice while it grows.
std::size_t rows_of_block(std::size_t dimensions) {
  constexpr std::size_t floats = 1u << 18;
  return std::max<std::size_t>(floats / dimensions, 1);
}

}  // namespace

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
  const std::size_t full = rows_of_block(dimensions) * dimensions;
  if (group->blocks.empty() || group->blocks.back().size() == full) group->blocks.emplace_back();
  std::vector<float>& rows = group->blocks.back();
  if (rows.size() + dimensions > rows.capacity())
    rows.reserve(std::clamp(2 * rows.capacity(), dimensions, full));
  const std::size_t end = rows.size();
  rows.resize(end + dimensions);
  std::memcpy(rows.data() + end, bytes.data(), bytes.size());
  const float length = dot(rows.data() + end, rows.data() + end, dimensions);
  if (!(std::abs(length - 1) < 1e-3f)) {
    rows.resize(end);
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
    std::span<float> rest{similar};
    for (const auto& block : group.blocks) {
      const std::size_t rows = block.size() / group.dimensions;
      dot_rows(question, block.data(), rest.first(rows));
      rest = rest.subspan(rows);
    }
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
  for (const Group& group : groups_) {
    total += group.chunks.capacity() * sizeof(std::int64_t);
    for (const auto& block : group.blocks) total += block.capacity() * sizeof(float);
  }
  return total;
}

std::size_t VectorIndex::floats(std::string_view model) const noexcept {
  std::size_t total = 0;
  for (const Group& group : groups_)
    if (group.model == model) total += group.chunks.size() * group.dimensions;
  return total;
}

}  // namespace voxanne::knowledge

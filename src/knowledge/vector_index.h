// An organization's vectors in memory, searched exactly: every one is compared with the question. Vectors of
// several models lie side by side while a change of model is worked off; each is searched with a question of
// its own model.
//
// Filled once, then constant and shared by all threads.
#pragma once

#include "knowledge/embedder.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge {

struct Near {
  std::int64_t chunk = 0;  // its number in the store
  float similarity = 0;    // -1 to 1
};

struct Nearest {
  std::vector<Near> found;  // nearest first
  // Of all that were compared but the nearest: what is usual among texts of this organization, against which
  // that one stands out.
  double mean = 0, deviation = 0;
  std::size_t compared = 0;
};

class VectorIndex {
 public:
  explicit VectorIndex(std::int64_t version) : version_(version) {}

  // `bytes`: little-endian floats of length one. False, and left out, for what is no such vector.
  bool add(std::int64_t chunk, std::string_view model, std::string_view bytes);

  // Models that have vectors here, most vectors first.
  std::vector<std::string> models() const;
  Nearest nearest(std::string_view model, std::span<const float> question, std::size_t limit) const;

  std::int64_t version() const noexcept { return version_; }
  std::size_t size() const noexcept;
  // What it takes: little more than its vectors do.
  std::size_t bytes() const noexcept;
  // Floats that a search of it reads: what it costs.
  std::size_t floats(std::string_view model) const noexcept;

 private:
  // One model's vectors of one dimension; a provider that changes it under the same name makes a second.
  struct Group {
    std::string model;
    std::size_t dimensions = 0;
    std::vector<std::int64_t> chunks;
    std::vector<std::vector<float>> blocks;  // all but the last hold equally many rows
  };

  std::int64_t version_;
  std::vector<Group> groups_;
};

std::string to_bytes(std::span<const float> vector);

}  // namespace voxanne::knowledge

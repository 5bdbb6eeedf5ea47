// Rendered pieces by what was said, least recently used out first: greetings and prompts cost their
// synthesis once. Bounded in bytes. Any thread.
#pragma once

#include "speech/flite/voice.h"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace voxanne::speech::flite {

class RenderCache {
 public:
  explicit RenderCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  std::shared_ptr<const Rendered> find(const std::string& key);
  void keep(const std::string& key, std::shared_ptr<const Rendered> rendered);

  struct Figures {
    std::size_t entries = 0, bytes = 0, hits = 0, misses = 0;
  };
  Figures figures() const;

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Rendered>>;
  static std::size_t bytes_of(const Entry& entry);

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  std::size_t bytes_ = 0, hits_ = 0, misses_ = 0;
};

}  // namespace voxanne::speech::flite

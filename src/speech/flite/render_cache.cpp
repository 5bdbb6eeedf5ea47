#include "speech/flite/render_cache.h"

namespace voxanne::speech::flite {

std::size_t RenderCache::bytes_of(const Entry& entry) {
  return 2 * entry.first.size() + entry.second->samples.size() * sizeof(audio::Sample) +
         entry.second->word_ends.size() * sizeof(std::size_t) + 256;
}

std::shared_ptr<const Rendered> RenderCache::find(const std::string& key) {
  const std::lock_guard lock{mutex_};
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    ++misses_;
    return nullptr;
  }
  ++hits_;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void RenderCache::keep(const std::string& key, std::shared_ptr<const Rendered> rendered) {
  const std::lock_guard lock{mutex_};
  if (by_key_.contains(key)) return;  // two calls rendered the same at once
  entries_.emplace_front(key, std::move(rendered));
  by_key_[key] = entries_.begin();
  bytes_ += bytes_of(entries_.front());
  while (bytes_ > max_bytes_ && !entries_.empty()) {
    bytes_ -= bytes_of(entries_.back());
    by_key_.erase(entries_.back().first);
    entries_.pop_back();
  }
}

RenderCache::Figures RenderCache::figures() const {
  const std::lock_guard lock{mutex_};
  return {entries_.size(), bytes_, hits_, misses_};
}

}  // namespace voxanne::speech::flite

#include "speech/pocketsphinx/general_decoders.h"

#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace voxanne::speech::pocketsphinx {

namespace fs = std::filesystem;

namespace {

constexpr double sure = 0.6;

}  // namespace

void GeneralDecoders::prepare(const std::map<fs::path, std::size_t>& callers) {
  take_over_what_is_made();
  if (making_.valid() || most_ == 0) return;
  const auto missing = std::ranges::find_if(callers, [this](const auto& wanted) {
    const auto& has = models_[wanted.first];
    return has.idle.size() + has.lent < wanted.second;
  });
  if (missing == callers.end() || !make_room(callers)) return;
  making_for_ = missing->first;
  making_ = std::async(std::launch::async, [this, model = making_for_] { return make(model); });
}

void GeneralDecoders::take_over_what_is_made() {
  if (!making_.valid() || making_.wait_for(std::chrono::seconds{0}) != std::future_status::ready) return;
  auto made = making_.get();
  if (made) {
    models_[making_for_].idle.push_back(std::move(*made));
    return;
  }
  log::error("speech.general_refused", {{"code", made.error().code}, {"error", made.error().message}});
  most_ = 0;
}

bool GeneralDecoders::make_room(const std::map<fs::path, std::size_t>& callers) {
  if (ready() < most_) return true;
  const auto unused = std::ranges::find_if(models_, [&](const auto& model) {
    return !model.second.idle.empty() && !callers.contains(model.first);
  });
  if (unused == models_.end()) return false;
  unused->second.idle.pop_back();
  return true;
}

GeneralDecoders::Made GeneralDecoders::make(const fs::path& model) {
  [[maybe_unused]] const int niceness = ::nice(5);  // of this thread: those who talk come first
  if (!stock_) {
    auto opened = StockModel::open();
    if (!opened) return opened.error();
    stock_ = std::move(*opened);
  }
  return Decoder::open(model, {}, stock_.get());
}

std::unique_ptr<Decoder> GeneralDecoders::take(const fs::path& model) {
  auto& of_model = models_[model];
  if (of_model.idle.empty()) return nullptr;
  auto decoder = std::move(of_model.idle.back());
  of_model.idle.pop_back();
  ++of_model.lent;
  return decoder;
}

void GeneralDecoders::give_back(const fs::path& model, std::unique_ptr<Decoder> decoder) {
  auto& of_model = models_[model];
  --of_model.lent;
  of_model.idle.push_back(std::move(decoder));
}

std::size_t GeneralDecoders::ready() const {
  std::size_t count = 0;
  for (const auto& [model, has] : models_) count += has.idle.size() + has.lent;
  return count;
}

Hypothesis surer_of(Hypothesis own, Decoder& general) {
  if (own.confidence >= sure) {
    general.abandon();
    return own;
  }
  auto other = general.finish_at_once();
  return other.confidence > own.confidence ? other : own;
}

}  // namespace voxanne::speech::pocketsphinx

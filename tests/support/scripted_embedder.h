// An embedder that embeds as it is told: words as they are spelt (equal words near each other), models apart
// from each other, faults on demand. One loop.
#pragma once

#include "knowledge/embedder.h"
#include "knowledge/similarity.h"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::test {

class ScriptedEmbedder final : public knowledge::Embedder {
 public:
  explicit ScriptedEmbedder(std::string model = "m", std::size_t dimensions = 16)
      : model_(std::move(model)), dimensions_(dimensions) {}

  const std::string& model() const override { return model_; }
  milliseconds pause() const override { return paused; }
  async::Task<Result<std::vector<knowledge::Vector>>> embed(std::string model, std::vector<std::string> texts,
                                                            Purpose purpose, async::Deadline) override {
    asked.push_back({model, texts, purpose});
    if (before_answer) before_answer();
    if (!faults.empty()) {
      const auto fault = std::move(faults.front());
      faults.pop_front();
      if (fault) co_return *fault;
    }
    if (always) co_return *always;
    for (const auto& text : texts)
      if (!refused.empty() && text.find(refused) != std::string::npos)
        co_return Error{Fault::impossible, "embedding_refused", "not this"};
    std::vector<knowledge::Vector> out;
    for (const auto& text : texts) out.push_back(vector_of(model, text));
    co_return out;
  }

  knowledge::Vector vector_of(const std::string& model, const std::string& text) const {
    knowledge::Vector out(dimensions_, 0.001f);
    std::string word = model;
    const auto count = [&] {
      if (const auto same = same_as.find(word); same != same_as.end()) word = same->second;
      out[std::hash<std::string>{}(model + word) % dimensions_] += 1;
      word.clear();
    };
    word.clear();
    for (const char c : text + " ") {
      if (std::isalnum(static_cast<unsigned char>(c)))
        word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
      else if (!word.empty())
        count();
    }
    knowledge::normalize(out);
    return out;
  }

  struct Asked {
    std::string model;
    std::vector<std::string> texts;
    Purpose purpose;
  };
  std::vector<Asked> asked;
  std::deque<std::optional<Error>> faults;  // of the next questions, in turn
  std::optional<Error> always;
  std::string refused;  // texts that hold it are
  std::map<std::string, std::string> same_as;
  std::function<void()> before_answer;
  milliseconds paused{0};

 private:
  std::string model_;
  std::size_t dimensions_;
};

}  // namespace voxanne::test

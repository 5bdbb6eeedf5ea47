// Recorded word vectors (GloVe, 100 dimensions) as an embedder: a text is the mean of its words, rare ones
// weighing more (Arora, Liang, Ma 2017), less what all words have in common. A real model's geometry, if a
// small one's: it knows that a poodle is a dog, and nothing of word order.
//
// benchmarks/retrieval/word_vectors.txt: a line a word: word, rank by frequency, scale, 100 signed bytes in
// hexadecimal, for every word of the labelled texts that the model has.
#pragma once

#include "knowledge/embedder.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace voxanne::bench {

class RecordedEmbedder final : public knowledge::Embedder {
 public:
  explicit RecordedEmbedder(const std::filesystem::path& file);

  const std::string& model() const override { return model_; }
  async::Task<Result<std::vector<knowledge::Vector>>> embed(std::string, std::vector<std::string> texts,
                                                            Purpose, async::Deadline) override {
    std::vector<knowledge::Vector> out;
    for (const auto& text : texts) out.push_back(vector_of(text));
    co_return out;
  }
  milliseconds pause() const override { return milliseconds{0}; }

  knowledge::Vector vector_of(const std::string& text) const;
  std::size_t words() const { return words_.size(); }

 private:
  struct Word {
    float weight;
    knowledge::Vector vector;
  };
  std::string model_ = "glove-100d-mean";
  std::map<std::string, Word, std::less<>> words_;
  knowledge::Vector common_;
};

}  // namespace voxanne::bench

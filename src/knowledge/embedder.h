// Texts as vectors, whoever computes them. Vectors of one model can be compared with each other and with
// no others, so every one is kept with its model's name.
//
// Owner: app, for the server's life; knowledge/embed/ holds the providers. Any loop may ask: the answer
// comes on the asker's own. Not interruptible: whoever cannot wait gives a deadline.
#pragma once

#include "async/deadline.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge {

using Vector = std::vector<float>;  // of length one

// Longer ones are cut there, at a character's end.
inline constexpr std::size_t max_embedded_characters = 8'000;
std::string_view cut_for_embedding(std::string_view text);

class Embedder {
 public:
  enum class Purpose {
    document,  // as many as are there, and time to wait
    question,  // one, and somebody waits
  };

  virtual ~Embedder() = default;

  // By what new vectors are made.
  virtual const std::string& model() const = 0;
  // One vector for each text, in order, all of one dimension; there are never zero vectors. `model` may be an
  // earlier one, as long as the provider has it. Errors: malformed (embedding_input_empty), rate_limited and
  // unavailable with the provider's retry_after where it said one, timed_out, impossible
  // (embedding_refused: this input will never be taken).
  virtual async::Task<Result<std::vector<Vector>>> embed(std::string model, std::vector<std::string> texts,
                                                         Purpose purpose, async::Deadline deadline) = 0;
  // How long documents need not be tried, because the provider asked for that or keeps failing.
  virtual milliseconds pause() const = 0;
};

}  // namespace voxanne::knowledge

// A worker's decoders that have general English besides an organization's words (stock_model.h): at most
// so many, lent for an utterance at a time. They are made one by one on a thread of their own, as nobody
// could be heard meanwhile. Two opinions on one utterance become one by surer_of().
//
//   prepare(callers by model) … prepare() …    now and then: begins to make one, or takes it over when made
//   take(model) → decoder → give_back()        null: none is free
//
// Owner: the worker; single thread but for what is made.
#pragma once

#include "speech/pocketsphinx/decoder.h"
#include "speech/pocketsphinx/stock_model.h"

#include <future>
#include <map>

namespace voxanne::speech::pocketsphinx {

class GeneralDecoders {
 public:
  explicit GeneralDecoders(unsigned most) : most_(most) {}

  void prepare(const std::map<std::filesystem::path, std::size_t>& callers);
  std::unique_ptr<Decoder> take(const std::filesystem::path& model);
  void give_back(const std::filesystem::path& model, std::unique_ptr<Decoder> decoder);

  std::size_t ready() const;  // idle or lent

 private:
  struct OfModel {
    std::vector<std::unique_ptr<Decoder>> idle;
    std::size_t lent = 0;
  };
  using Made = Result<std::unique_ptr<Decoder>>;

  void take_over_what_is_made();
  bool make_room(const std::map<std::filesystem::path, std::size_t>& callers);
  Made make(const std::filesystem::path& model);

  std::size_t most_;
  std::unique_ptr<StockModel> stock_;  // touched only by what makes decoders
  std::map<std::filesystem::path, OfModel> models_;
  std::filesystem::path making_for_;
  std::future<Made> making_;  // its thread ends before the rest is destroyed
};

// Ends the utterance in `general` too: what the organization's closed model understood, unless it doubts it
// and general English does less.
Hypothesis surer_of(Hypothesis own, Decoder& general);

}  // namespace voxanne::speech::pocketsphinx

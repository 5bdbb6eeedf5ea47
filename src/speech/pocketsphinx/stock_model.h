// General English beside an organization's model: the stock trigram model of PocketSphinx (20,000
// words), loaded once per worker process and shared by its decoders, and the pronunciations of its
// words. Decoders that have it understand what an organization's closed model turns into nonsense.
//
//   StockModel::open() → per decoder: dictionary_with(its words) → ps_init → add_to(decoder)
//
// 45 MB in memory, 0.2 s to open; single thread, and it must outlive the decoders that have it.
#pragma once

#include "base/result.h"

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct ngram_model_s;
struct logmath_s;
struct ps_decoder_s;

namespace voxanne::speech::pocketsphinx {

inline constexpr const char* language_weight = "8";  // against the acoustics, of every model

// PocketSphinx writes to stderr, and changes where to for the whole process: said once, it stays silent, and
// decoders may be made on several threads.
void silence_library();

struct StockFiles {
  std::filesystem::path model = "/usr/share/pocketsphinx/model/en-us/en-us.lm.bin";
  std::filesystem::path dictionary = "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict";
};

// Text for a library that reads files by name.
class MemoryFile {
 public:
  static Result<MemoryFile> of(std::string_view text);
  MemoryFile(MemoryFile&& other) noexcept;
  MemoryFile& operator=(MemoryFile&& other) noexcept;
  ~MemoryFile();
  std::string path() const;

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

class StockModel {
 public:
  // not_found when a file is missing, internal when PocketSphinx refuses the model.
  static Result<std::unique_ptr<StockModel>> open(const StockFiles& files = {});
  ~StockModel();
  StockModel(const StockModel&) = delete;
  StockModel& operator=(const StockModel&) = delete;

  // The words of `dictionary`, and the stock model's others.
  Result<MemoryFile> dictionary_with(const std::filesystem::path& dictionary) const;
  // Makes `decoder`, whose dictionary is dictionary_with(…), search `own_model` and this one together.
  Result<> add_to(ps_decoder_s* decoder, const std::filesystem::path& own_model) const;

 private:
  struct Line {
    std::string word;  // without its variant
    std::string text;
  };

  StockModel() = default;

  struct Free {
    void operator()(ngram_model_s* model) const;
    void operator()(logmath_s* math) const;
  };
  using Model = std::unique_ptr<ngram_model_s, Free>;

  std::unique_ptr<logmath_s, Free> math_;
  Model model_;
  std::vector<Line> lines_;
};

}  // namespace voxanne::speech::pocketsphinx

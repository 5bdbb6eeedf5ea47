#include "speech/pocketsphinx/stock_model.h"

#include "speech/pocketsphinx/library.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <unordered_set>
#include <utility>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

constexpr const char* search_name = "interpolated";
// The library mixes probabilities that the language weight has been applied to, so that these are
// not shares: the stock model serves where the organization's is so much worse.
constexpr float own_weight = 0.6F;
constexpr float stock_weight = 0.4F;

// The word of a dictionary's line, without the number of its variant.
std::string_view word_of(std::string_view line) {
  const auto word = line.substr(0, line.find_first_of(" \t"));
  const auto variant = word.find('(', 1);
  return word.substr(0, variant);
}

}  // namespace

void silence_library() {
  static const bool done = [] {
    library().err_set_logfp(nullptr);
    return true;
  }();
  static_cast<void>(done);
}

Result<MemoryFile> MemoryFile::of(std::string_view text) {
  const int fd = ::memfd_create("dictionary", MFD_CLOEXEC);
  if (fd < 0) return internal("no_memory_file", "no file in memory can be made for a dictionary");
  MemoryFile file{fd};
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written <= 0) return internal("no_memory_file", "a dictionary does not fit into memory");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

MemoryFile::MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
MemoryFile& MemoryFile::operator=(MemoryFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
MemoryFile::~MemoryFile() {
  if (fd_ >= 0) ::close(fd_);
}
std::string MemoryFile::path() const { return "/proc/self/fd/" + std::to_string(fd_); }

Result<std::unique_ptr<StockModel>> StockModel::open(const StockFiles& files) {
  if (auto there = load_library(); !there) return there.error();
  std::error_code error;
  for (const auto& file : {files.model, files.dictionary})
    if (!fs::is_regular_file(file, error) || fs::file_size(file, error) == 0)
      return not_found("recognition_model_missing", "there is no " + file.string());

  std::unique_ptr<StockModel> stock{new StockModel};
  silence_library();
  cmd_ln_t* config =
      library().cmd_ln_init(nullptr, library().ps_args(), TRUE, "-lw", language_weight, nullptr);
  // As the decoders make it, in single precision too, or the models cannot be combined.
  stock->math_.reset(library().logmath_init(float(library().cmd_ln_float_r(config, "-logbase")), 0, TRUE));
  stock->model_.reset(
      library().ngram_model_read(config, files.model.c_str(), NGRAM_AUTO, stock->math_.get()));
  library().cmd_ln_free_r(config);
  if (!stock->model_)
    return internal("recognition_model_refused", "PocketSphinx refuses " + files.model.string());

  std::unordered_set<std::string_view> words;
  const auto count = library().ngram_model_get_counts(stock->model_.get())[0];
  for (std::uint32_t i = 0; i < count; ++i)
    words.insert(library().ngram_word(stock->model_.get(), static_cast<std::int32_t>(i)));
  std::ifstream in{files.dictionary};
  for (std::string line; std::getline(in, line);) {
    const auto word = word_of(line);
    if (words.contains(word)) stock->lines_.push_back({std::string{word}, line});
  }
  return stock;
}

StockModel::~StockModel() = default;
void StockModel::Free::operator()(ngram_model_s* model) const { library().ngram_model_free(model); }
void StockModel::Free::operator()(logmath_s* math) const { library().logmath_free(math); }

Result<MemoryFile> StockModel::dictionary_with(const fs::path& dictionary) const {
  std::string text;
  std::unordered_set<std::string> own;
  std::ifstream in{dictionary};
  for (std::string line; std::getline(in, line);) {
    own.emplace(word_of(line));
    text += line;
    text += '\n';
  }
  for (const auto& line : lines_) {
    if (own.contains(line.word)) continue;
    text += line.text;
    text += '\n';
  }
  return MemoryFile::of(text);
}

Result<> StockModel::add_to(ps_decoder_s* decoder, const fs::path& own_model) const {
  const auto refused = [&](const char* what) {
    return internal("recognition_model_refused", std::string{"PocketSphinx refuses "} + what);
  };
  const Model own{library().ngram_model_read(library().ps_get_config(decoder), own_model.c_str(), NGRAM_AUTO,
                                             library().ps_get_logmath(decoder))};
  if (!own) return refused(own_model.c_str());
  std::array<ngram_model_t*, 2> models{own.get(), model_.get()};
  std::array<char*, 2> names{const_cast<char*>("own"), const_cast<char*>("stock")};
  std::array<float, 2> weights{own_weight, stock_weight};
  const Model both{library().ngram_model_set_init(library().ps_get_config(decoder), models.data(),
                                                  names.data(), weights.data(), 2)};
  if (!both || library().ps_set_lm(decoder, search_name, both.get()) != 0 ||
      library().ps_set_search(decoder, search_name) != 0)
    return refused("the interpolated model");
  return {};
}

}  // namespace voxanne::speech::pocketsphinx

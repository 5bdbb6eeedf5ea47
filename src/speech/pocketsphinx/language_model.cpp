#include "speech/pocketsphinx/language_model.h"

#include "speech/normalise.h"
#include "speech/pocketsphinx/lexicon.h"
#include "speech/pocketsphinx/ngram.h"
#include "speech/pocketsphinx/receptionist.h"
#include "speech/pocketsphinx/topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

constexpr int builder = 2;  // raise it when the same input shall give another model
constexpr std::size_t most_topics = 400, fillings = 64, topic_fillings_per_topic = 3;

class Fnv1a {
 public:
  void add(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    hash_ = (hash_ ^ 0xFFU) * 0x100000001B3ULL;
  }
  std::string hex() const { return fmt::format("{:016x}", hash_); }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;
};

std::string version_of(const ModelInput& input) {
  Fnv1a hash;
  hash.add(std::to_string(builder));
  for (const auto& text : input.knowledge) hash.add(text);
  hash.add("names");
  for (const auto& name : input.names) hash.add(name);
  return hash.hex();
}

struct Weighted {
  std::string sentence;
  double weight;
};

template <class Each>
void for_each_word(std::string_view sentence, Each each) {
  for (std::size_t at = 0; at < sentence.size();) {
    const auto end = std::min(sentence.find(' ', at), sentence.size());
    if (end > at) each(sentence.substr(at, end - at));
    at = end + 1;
  }
}

std::vector<std::string> knowledge_sentences(const ModelInput& input) {
  std::vector<std::string> sentences;
  std::size_t room = max_knowledge_bytes;
  for (const auto& text : input.knowledge) {
    const auto part = std::string_view{text}.substr(0, room);
    room -= part.size();
    for (auto& sentence : said_sentences(part)) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

// Rare words of a large knowledge base are let go: each widens the search for every caller.
void keep_frequent_words(std::vector<std::string>& sentences) {
  std::map<std::string, std::size_t, std::less<>> counts;
  for (const auto& sentence : sentences)
    for_each_word(sentence, [&](std::string_view word) {
      const auto found = counts.find(word);
      if (found == counts.end())
        counts.emplace(word, 1);
      else
        ++found->second;
    });
  if (counts.size() <= max_knowledge_words) return;
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (const auto& [word, count] : counts) ranked.emplace_back(count, word);
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  ranked.resize(max_knowledge_words);
  std::unordered_set<std::string_view> kept;
  for (const auto& [count, word] : ranked) kept.insert(word);
  // A sentence is split where a word was let go.
  std::vector<std::string> out;
  for (const auto& sentence : sentences) {
    std::string part;
    for_each_word(sentence, [&](std::string_view word) {
      if (kept.contains(word)) {
        if (!part.empty()) part += ' ';
        part += word;
      } else if (!part.empty()) {
        out.push_back(std::exchange(part, {}));
      }
    });
    if (!part.empty()) out.push_back(std::move(part));
  }
  sentences = std::move(out);
}

void add_patterns(std::vector<Weighted>& corpus, std::span<const Pattern> patterns, const Classes& classes,
                  std::size_t most, double scale) {
  for (const auto& pattern : patterns) {
    auto sentences = fill(pattern.text, classes, most);
    const double each =
        scale * pattern.weight / static_cast<double>(std::max<std::size_t>(1, sentences.size()));
    for (auto& sentence : sentences) corpus.push_back({std::move(sentence), each});
  }
}

std::vector<Weighted> corpus_of(const ModelInput& input) {
  std::vector<Weighted> corpus;
  auto sentences = knowledge_sentences(input);
  keep_frequent_words(sentences);
  auto classes = receptionist_classes();
  for (const auto& name : input.names) {
    for (auto& sentence : said_sentences(name)) {
      corpus.push_back({sentence, 3});
      corpus.push_back({"is that " + sentence, 0.5});
      corpus.push_back({"can i speak to " + sentence, 2});
      corpus.push_back({"i would like to see " + sentence, 1});
      corpus.push_back({"an appointment with " + sentence, 1});
      classes["given"].push_back(std::move(sentence));
    }
  }
  add_patterns(corpus, receptionist_patterns(), classes, fillings, 1);
  classes["topic"] = topics_of(sentences, most_topics);
  const auto topics = static_cast<double>(classes["topic"].size());
  add_patterns(corpus, topic_patterns(), classes, topic_fillings_per_topic * classes["topic"].size(),
               topics / 4);
  for (auto& sentence : sentences) corpus.push_back({std::move(sentence), 1});
  return corpus;
}

Result<> write_file(const fs::path& path, std::string_view content) {
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) return internal("model_not_written", "cannot write " + path.string() + ": is the disk full?");
  return {};
}

// Everything but the new version and the one before it.
void remove_old(const fs::path& directory, const std::string& version, const std::string& previous) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{directory, ignored}) {
    const auto name = entry.path().filename().string();
    if (name != version && name != previous && name != "current") fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

Result<BuiltModel> build_model(const ModelInput& input, const fs::path& directory, const Cmudict& cmudict) {
  BuiltModel built{.version = version_of(input)};
  std::error_code error;
  const std::string previous = fs::read_symlink(directory / "current", error).string();
  if (previous == built.version && fs::exists(directory / "current" / "model.dict", error)) {
    built.was_current = true;
    return built;
  }

  const auto corpus = corpus_of(input);
  std::vector<std::string> words;
  {
    std::unordered_set<std::string> seen;
    for (const auto& [sentence, weight] : corpus)
      for_each_word(sentence, [&](std::string_view word) {
        if (seen.emplace(word).second) words.emplace_back(word);
      });
  }
  const auto dictionary = pronounce_all(words, cmudict.file);
  if (!dictionary) return dictionary.error();

  NgramCounts counts;
  std::string sayable;
  for (const auto& [sentence, weight] : corpus) {
    sayable.clear();
    for_each_word(sentence, [&](std::string_view word) {
      if (!dictionary->words.contains(std::string{word})) return;
      if (!sayable.empty()) sayable += ' ';
      sayable += word;
    });
    counts.add(sayable, weight);
  }

  const auto fresh = directory / (".new-" + built.version);
  fs::remove_all(fresh, error);
  if (!fs::create_directories(fresh, error))
    return internal("model_not_written", "cannot create " + fresh.string() + ": " + error.message());
  if (auto written = write_file(fresh / "model.lm", counts.arpa()); !written) return written.error();
  if (auto written = write_file(fresh / "model.dict", dictionary->text); !written) return written.error();
  const auto target = directory / built.version;
  fs::remove_all(target, error);
  fs::rename(fresh, target, error);
  if (error) return internal("model_not_written", "cannot rename " + fresh.string() + ": " + error.message());
  const auto link = directory / ".current";
  fs::remove(link, error);
  fs::create_symlink(built.version, link, error);
  if (!error) fs::rename(link, directory / "current", error);
  if (error) return internal("model_not_written", "cannot replace the current model: " + error.message());
  remove_old(directory, built.version, previous);

  built.words = dictionary->words.size();
  built.guessed_words = dictionary->guessed;
  built.ngrams = counts.ngrams();
  return built;
}

}  // namespace voxanne::speech::pocketsphinx

#include "speech/pocketsphinx/language_model.h"

#include "speech/pocketsphinx/ngram.h"
#include "speech/pocketsphinx/templates.h"
#include "speech/pocketsphinx/topics.h"
#include "support/dental_practice.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <sstream>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream in{file};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Probabilities as a decoder reads them from ARPA text.
class Arpa {
 public:
  explicit Arpa(const std::string& text) {
    std::istringstream in{text};
    int order = 0;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("\\") && line.find("-grams") != line.npos)
        order = line[1] - '0';
      else if (order > 0 && !line.empty() && line[0] != '\\')
        read(line, order);
    }
  }
  double probability(const std::string& history, const std::string& word) const {
    const auto all = history.empty() ? word : history + " " + word;
    if (const auto found = entries_.find(all); found != entries_.end())
      return std::pow(10, found->second.first);
    if (history.empty()) return 0;
    const auto backoff = entries_.find(history);
    const auto blank = history.find(' ');
    return (backoff == entries_.end() ? 1 : std::pow(10, backoff->second.second)) *
           probability(blank == history.npos ? "" : history.substr(blank + 1), word);
  }
  double sum_after(const std::string& history) const {
    double sum = 0;
    for (const auto& word : words_) sum += probability(history, word);
    return sum;
  }

 private:
  void read(const std::string& line, int order) {
    std::istringstream fields{line};
    double log_probability = 0, backoff = 0;
    fields >> log_probability;
    std::string ngram;
    for (int i = 0; i < order; ++i) {
      std::string word;
      fields >> word;
      ngram += (i > 0 ? " " : "") + word;
    }
    if (order == 1 && ngram != "<s>") words_.push_back(ngram);
    fields >> backoff;
    entries_[ngram] = {log_probability, backoff};
  }
  std::map<std::string, std::pair<double, double>> entries_;
  std::vector<std::string> words_;
};

TEST(Ngrams, probabilities_after_any_history_sum_to_one) {
  NgramCounts counts;
  counts.add("when are you open", 2);
  counts.add("when are you closed on sunday", 1);
  counts.add("are you open on sunday", 0.25);
  const Arpa model{counts.arpa()};
  for (const char* history : {"", "<s>", "you", "are you", "<s> when", "sunday", "never heard"})
    EXPECT_NEAR(model.sum_after(history), 1, 0.005) << history;
  EXPECT_GT(model.probability("are you", "open"), model.probability("are you", "sunday"));
  EXPECT_GT(model.probability("are you", "open"), model.probability("are you", "closed"));
}

TEST(Ngrams, nothing_said_is_still_a_model) {
  EXPECT_THAT(NgramCounts{}.arpa(), testing::HasSubstr("ngram 1=2\n"));
}

TEST(Templates, alternatives_and_classes_are_filled) {
  const Classes classes{{"day", {"monday", "tuesday"}}, {"none", {}}};
  EXPECT_THAT(fill("(on|) <day>", classes, 10),
              testing::UnorderedElementsAre("on monday", "on tuesday", "monday", "tuesday"));
  EXPECT_THAT(fill("are you open (today|on <day>)", classes, 10),
              testing::UnorderedElementsAre("are you open today", "are you open on monday",
                                            "are you open on tuesday"));
  EXPECT_THAT(fill("on <unknown>", classes, 10), testing::IsEmpty());
  EXPECT_THAT(fill("on <none>", classes, 10), testing::IsEmpty());
  EXPECT_THAT(fill("", classes, 10), testing::IsEmpty());
}

TEST(Templates, every_member_of_a_large_class_occurs) {
  Classes classes;
  for (int i = 0; i < 200; ++i) classes["name"].push_back("name" + std::to_string(i));
  std::set<std::string> seen;
  for (const auto& sentence : fill("(my name is|this is|it's) <name>", classes, 50))
    seen.insert(sentence.substr(sentence.rfind(' ') + 1));
  EXPECT_EQ(seen.size(), 200u);
}

TEST(Topics, are_content_words_and_their_phrases) {
  const std::vector<std::string> sentences{"teeth whitening costs two hundred pounds",
                                           "we offer teeth whitening"};
  const auto topics = topics_of(sentences, 100);
  EXPECT_THAT(topics, testing::Contains("teeth whitening"));
  EXPECT_THAT(topics, testing::Contains("whitening"));
  EXPECT_THAT(topics, testing::Not(testing::Contains("we")));
  EXPECT_EQ(topics_of(sentences, 2).size(), 2u);
}

TEST(BuildModel, knows_the_organizations_words_and_is_built_once) {
  const test::TempDir directory;
  const ModelInput input{test::dental_practice::knowledge(), test::dental_practice::names()};
  const auto built = build_model(input, directory / "demo").value();
  EXPECT_FALSE(built.was_current);
  EXPECT_GT(built.words, 800u);
  EXPECT_LT(built.words, 3'000u);
  const auto dictionary = content(directory / "demo" / "current" / "model.dict");
  EXPECT_THAT(dictionary, testing::HasSubstr("\ninvisalign "));  // not in CMUdict
  EXPECT_THAT(dictionary, testing::HasSubstr("\nhygienist "));
  EXPECT_THAT(dictionary, testing::HasSubstr("\no'clock "));
  EXPECT_TRUE(build_model(input, directory / "demo").value().was_current);

  auto more = input;
  more.knowledge.push_back("We also sell toothbrushes.");
  const auto rebuilt = build_model(more, directory / "demo").value();
  EXPECT_NE(rebuilt.version, built.version);
  EXPECT_EQ(fs::read_symlink(directory / "demo" / "current").string(), rebuilt.version);
  EXPECT_TRUE(fs::exists(directory / "demo" / built.version)) << "decoders may be opening it";
  more.knowledge.push_back("And floss.");
  static_cast<void>(build_model(more, directory / "demo").value());
  EXPECT_FALSE(fs::exists(directory / "demo" / built.version));
}

TEST(BuildModel, takes_any_text) {
  const test::TempDir directory;
  std::string endless;
  while (endless.size() < 2 * max_knowledge_bytes)
    endless += "word" + std::string(1 + endless.size() % 9, 'q') + " and so on. ";
  const std::vector<ModelInput> inputs{
      {},
      {{"", "   ", "\n"}, {""}},
      {{"12345 67890", "£££ $$$ 100%"}, {"42"}},
      {{"你好世界 🙂 Привет", "Crème brûlée für Zoë"}, {"Łukasz Žižek"}},
      {{std::string("\xff\xfe\x00\x01 broken", 12)}, {"'"}},
      {{std::string(100'000, 'x')}, {}},
      {{endless}, {}},
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto built = build_model(inputs[i], directory / std::to_string(i));
    ASSERT_TRUE(built) << i << ": " << built.error().message;
    EXPECT_GT(built->words, 500u);
    EXPECT_LT(built->words, 5'000u);
  }
}

TEST(BuildModel, says_what_is_missing) {
  const test::TempDir directory;
  const auto no_dictionary = build_model({}, directory / "x", Cmudict{directory / "absent.dict"});
  ASSERT_FALSE(no_dictionary);
  EXPECT_EQ(no_dictionary.error().code, "no_pronouncing_dictionary");
  std::ofstream{directory / "file"} << "in the way";
  const auto no_place = build_model({}, directory / "file");
  ASSERT_FALSE(no_place);
  EXPECT_EQ(no_place.error().code, "model_not_written");
}

}  // namespace
}  // namespace voxanne::speech::pocketsphinx

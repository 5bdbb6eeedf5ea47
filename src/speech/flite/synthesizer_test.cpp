#include "speech/flite/synthesizer.h"

#include "async/thread.h"
#include "speech/flite/pieces.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cmath>

namespace voxanne::speech::flite {
namespace {

using audio::Sample;

struct Said {
  std::vector<Sample> samples;
  std::vector<SpokenWord> words;
  std::size_t chunks = 0, first_chunk = 0;
  std::optional<Error> error;
};

async::Task<Said> read_all(Synthesizer& synthesizer, std::string text, std::string voice, int rate) {
  Said said;
  const auto speech = synthesizer.say(std::move(text), voice, rate);
  for (;;) {
    const auto chunk = co_await speech->next();
    if (!chunk) said.error = chunk.error();
    if (!chunk || !chunk->has_value()) co_return said;
    const auto& part = **chunk;
    if (said.chunks++ == 0) said.first_chunk = part.samples.size();
    said.samples.insert(said.samples.end(), part.samples.begin(), part.samples.end());
    said.words.insert(said.words.end(), part.words.begin(), part.words.end());
  }
}

struct Flite : testing::Test {
  async::WorkerPool workers{"synthesis", 2};
  FliteSynthesizer synthesizer{workers};
  async::LoopThread thread{"shard"};

  Said say(std::string text, std::string voice = "slt", int rate = 16000) {
    return async::run_on(thread.executor(), read_all(synthesizer, std::move(text), std::move(voice), rate));
  }
  static double seconds(const Said& said, int rate) {
    return static_cast<double>(said.samples.size()) / rate;
  }
};

TEST_F(Flite, words_end_in_order_within_the_audio_and_the_text) {
  const std::string text = "Good morning, this is Harbour Dental. A check-up costs £45 at 9:30!";
  const auto said = say(text);
  ASSERT_FALSE(said.error);
  std::vector<std::string> heard_by;
  std::size_t sample = 0, text_end = 0;
  for (const auto& word : said.words) {
    EXPECT_GT(word.sample_end, sample);
    EXPECT_GT(word.text_end, text_end);
    sample = word.sample_end;
    text_end = word.text_end;
    heard_by.push_back(text.substr(0, word.text_end));
  }
  EXPECT_LE(sample, said.samples.size());
  EXPECT_EQ(heard_by.back(), text);
  EXPECT_THAT(heard_by, testing::Contains("Good morning,"));
  EXPECT_THAT(heard_by, testing::Contains("Good morning, this is Harbour Dental. A check-up costs £45"));
  // Twelve expressions: "£45" and "9:30" are one mark each.
  EXPECT_EQ(said.words.size(), 12u);
}

TEST_F(Flite, the_first_chunk_is_short_and_the_rest_follows) {
  const auto said =
      say("Thank you for calling, we are open from Monday to Friday, between nine in the morning and "
          "five in the afternoon, and on Saturday until noon. We are closed on Sunday.");
  EXPECT_GE(said.chunks, 3u);
  EXPECT_LT(said.first_chunk, 2u * 16000);
}

TEST_F(Flite, narrowband_has_half_the_samples_and_the_same_words) {
  const auto wide = say("The parking is behind the building."),
             narrow = say("The parking is behind the building.", "slt", 8000);
  EXPECT_NEAR(seconds(wide, 16000), seconds(narrow, 8000), 0.01);
  ASSERT_EQ(wide.words.size(), narrow.words.size());
  EXPECT_NEAR(static_cast<double>(wide.words[2].sample_end),
              2.0 * static_cast<double>(narrow.words[2].sample_end), 4);
}

TEST_F(Flite, voices_are_as_loud_as_telephone_prompts_and_do_not_clip) {
  for (const std::string& voice : {"slt", "rms"}) {
    const auto said =
        say("We open at nine in the morning and close at half past five in the afternoon.", voice);
    double energy = 0;
    std::size_t active = 0;
    int peak = 0;
    for (const Sample sample : said.samples) {
      peak = std::max(peak, std::abs(int{sample}));
      if (sample == 0) continue;
      energy += static_cast<double>(sample) * sample;
      ++active;
    }
    const double level = 10 * std::log10(energy / static_cast<double>(active) / (32768.0 * 32768.0));
    EXPECT_GT(level, -22) << voice;
    EXPECT_LT(level, -16) << voice;
    EXPECT_LT(peak, 32000) << voice;
  }
}

TEST_F(Flite, bad_input_is_harmless) {
  for (const std::string& text : {std::string{}, std::string{"   \n"}, std::string{"\x01\x02\x00\x7f", 4},
                                  std::string{"...!?"}, std::string{"你好"}, std::string{"\xff\xfe\xfd"}}) {
    const auto said = say(text);
    EXPECT_FALSE(said.error);
    EXPECT_EQ(said.samples.size(), 0u);
  }
  EXPECT_EQ(say("hello", "slt", 44100).error.value().code, "unsupported_rate");
  EXPECT_GT(say("hello", "no such voice").samples.size(), 1000u);
  EXPECT_GT(say(std::string(3'000, 'x')).samples.size(), 1000u);
}

TEST_F(Flite, very_long_text_is_cut_and_never_rendered_at_once) {
  std::string text;
  while (text.size() < 200'000) text += "word ";
  const auto speech = synthesizer.say(text, "slt", 8000);
  const auto first = async::run_on(thread.executor(), speech->next());
  ASSERT_TRUE(first && first->has_value());
  EXPECT_LT((*first)->samples.size(), 30u * 8000);
  EXPECT_LE(pieces_of(text.substr(0, max_text_bytes)).size(), max_text_bytes / 5 / 32 + 1);
}

TEST_F(Flite, a_repeated_sentence_comes_from_the_cache) {
  const auto once = say("How can I help you today?", "slt", 8000);
  const auto before = synthesizer.cache_figures();
  const auto twice = say("How can I help you today?", "slt", 8000);
  EXPECT_EQ(once.samples, twice.samples);
  EXPECT_EQ(synthesizer.cache_figures().hits, before.hits + 1);
  EXPECT_EQ(synthesizer.cache_figures().misses, before.misses);
}

TEST(RenderCacheTest, stays_within_its_bytes_and_forgets_the_least_recently_used) {
  RenderCache cache{100'000};
  const auto rendering = [] {
    return std::make_shared<const Rendered>(Rendered{std::vector<Sample>(10'000), {1}});
  };
  for (const char* key : {"a", "b", "c", "d"}) cache.keep(key, rendering());
  EXPECT_NE(cache.find("a"), nullptr);
  cache.keep("e", rendering());
  EXPECT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_LE(cache.figures().bytes, 100'000u);
  cache.keep("huge", std::make_shared<const Rendered>(Rendered{std::vector<Sample>(100'000), {}}));
  EXPECT_LE(cache.figures().bytes, 100'000u);
}

TEST(Pieces, are_cut_at_sentences_and_long_clauses) {
  const auto sizes = [](std::string_view text) {
    std::vector<std::size_t> out;
    for (const auto& piece : pieces_of(text)) out.push_back(piece.size());
    return out;
  };
  EXPECT_THAT(sizes("Hello, welcome. Bye."), testing::ElementsAre(2, 1));
  EXPECT_THAT(sizes("one two three four, five six, seven"), testing::ElementsAre(4, 3));
  EXPECT_THAT(sizes(""), testing::ElementsAre());
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += "word ";
  EXPECT_THAT(sizes(endless), testing::ElementsAre(32, 32, 32, 4));
}

TEST(Pronounce, knows_words_and_guesses_others) {
  EXPECT_EQ(pronounce("hello"), "HH AH L OW");
  EXPECT_EQ(pronounce("voxanne"), "V AA K S AE N");
  EXPECT_EQ(pronounce(""), "");
  EXPECT_FALSE(pronounce("dentist's").empty());
}

TEST_F(Flite, many_calls_speak_at_once) {
  std::vector<std::future<Said>> all;
  for (int i = 0; i < 12; ++i)
    all.push_back(boost::asio::co_spawn(
        thread.executor(),
        read_all(synthesizer, "Caller number " + std::to_string(i) + " is speaking, on a line of their own.",
                 i % 2 ? "slt" : "rms", 8000),
        boost::asio::use_future));
  for (auto& one : all) EXPECT_GT(one.get().samples.size(), 8000u);
}

}  // namespace
}  // namespace voxanne::speech::flite

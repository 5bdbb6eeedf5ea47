// What is understood of the dental practice's callers, each sentence on a fresh call. The limits are
// about twice the errors measured; the figures are printed.
#include "speech/pocketsphinx/decoder.h"

#include "audio/wav.h"
#include "speech/pocketsphinx/general_decoders.h"
#include "speech/pocketsphinx/test_models.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <sstream>

namespace voxanne::speech::pocketsphinx {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
  std::istringstream in{text};
  return {std::istream_iterator<std::string>{in}, {}};
}

std::size_t word_errors(const Words& said, const Words& heard) {
  std::vector<std::size_t> row(heard.size() + 1);
  for (std::size_t j = 0; j <= heard.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= said.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= heard.size(); ++j)
      diagonal = std::exchange(
          row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (said[i - 1] != heard[j - 1])}));
  }
  return row.back();
}

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

struct Outcome {
  double word_error_rate = 0;
  double core_share = 0;  // of one talking caller
  double confident = 0;   // share of finals at 0.5 or above
};

class Recognition : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    models_ = std::make_unique<TestModels>();
    const auto model = models_->path() / "demo" / "current";
    decoder_ = Decoder::open(model).value();
    stock_ = StockModel::open().value();
    general_ = Decoder::open(model, {}, stock_.get()).value();
  }
  static void TearDownTestSuite() {
    decoder_.reset();
    general_.reset();
    stock_.reset();
    models_.reset();
  }

  static Hypothesis hear(const std::vector<audio::Sample>& audio, int rate, bool with_general) {
    const auto frame = audio::samples_per_frame(rate);
    decoder_->new_caller(rate);
    if (with_general) general_->take_over(*decoder_);
    for (std::size_t at = 0; at < audio.size(); at += frame) {
      const auto samples = std::span{audio}.subspan(at, std::min(frame, audio.size() - at));
      decoder_->write(samples);
      if (with_general) general_->write(samples);
    }
    auto heard = decoder_->finish();
    return with_general ? surer_of(std::move(heard), *general_) : heard;
  }

  static Outcome recognize(const char* name, const Words& sentences, int rate,
                           flite::VoiceName voice = flite::VoiceName::rms, bool with_general = false) {
    std::size_t errors = 0, words = 0, confident = 0;
    double audio_s = 0, cpu_s = 0;
    for (const auto& sentence : sentences) {
      const auto audio = said(sentence, rate, voice);
      const double begun = cpu_seconds();
      const auto heard = hear(audio, rate, with_general);
      cpu_s += cpu_seconds() - begun;
      audio_s += static_cast<double>(audio.size()) / rate;
      errors += word_errors(words_of(sentence), words_of(heard.text));
      words += words_of(sentence).size();
      confident += heard.confidence >= 0.5;
    }
    const auto count = static_cast<double>(sentences.size());
    const Outcome out{static_cast<double>(errors) / static_cast<double>(words), cpu_s / audio_s,
                      static_cast<double>(confident) / count};
    std::printf("%-28s word errors %5.1f %%, confident %3.0f %%, %.3f core\n", name,
                100 * out.word_error_rate, 100 * out.confident, out.core_share);
    return out;
  }

  static std::unique_ptr<TestModels> models_;
  static std::unique_ptr<StockModel> stock_;
  static std::unique_ptr<Decoder> decoder_, general_;
};

std::unique_ptr<TestModels> Recognition::models_;
std::unique_ptr<StockModel> Recognition::stock_;
std::unique_ptr<Decoder> Recognition::decoder_, Recognition::general_;

TEST_F(Recognition, short_answers_are_understood) {
  const auto answers = test::dental_practice::short_answers();
  EXPECT_LT(recognize("short answers, 16 kHz", answers, 16000).word_error_rate, 0.08);
  EXPECT_LT(recognize("short answers, G.711", answers, 8000).word_error_rate, 0.10);
}

TEST_F(Recognition, questions_about_the_practice_are_understood_and_known_to_be) {
  const auto questions = test::dental_practice::questions();
  const auto wide = recognize("questions, 16 kHz", questions, 16000);
  EXPECT_LT(wide.word_error_rate, 0.10);
  EXPECT_GT(wide.confident, 0.85);
  const auto narrow = recognize("questions, G.711", questions, 8000);
  EXPECT_LT(narrow.word_error_rate, 0.12);
  EXPECT_GT(narrow.confident, 0.75);
}

TEST_F(Recognition, another_voice_is_understood) {
  EXPECT_LT(
      recognize("questions, slt, 16 kHz", test::dental_practice::questions(), 16000, flite::VoiceName::slt)
          .word_error_rate,
      0.10);
}

TEST_F(Recognition, plausible_nonsense_is_not_believed) {
  for (const int rate : {8000, 16000})
    EXPECT_LT(recognize(rate == 8000 ? "off topic, G.711" : "off topic, 16 kHz",
                        test::dental_practice::off_topic(), rate)
                  .confident,
              0.2);
}

// Said in nearly every call, in passing: over the telephone "thank" is not told from "can" by its sound.
TEST_F(Recognition, courtesies_are_understood_and_what_sounds_like_them) {
  const Words courtesies{"thank you",
                         "thanks",
                         "thank you goodbye",
                         "thanks bye",
                         "goodbye",
                         "bye",
                         "no thank you",
                         "no thank you goodbye",
                         "that's all thank you",
                         "okay thank you goodbye",
                         "yes please",
                         "thank you very much",
                         "great thank you",
                         "thank you bye bye",
                         "no that's all",
                         "have a nice day"};
  const Words others{"can you hear me",        "can you call me back please",   "can i speak to someone",
                     "can you repeat that",    "my name is sam clarke",         "can you help me",
                     "tell him that i called", "can you tell me about parking", "can i book an appointment"};
  for (const auto voice : {flite::VoiceName::rms, flite::VoiceName::slt})
    for (const int rate : {16'000, 8'000}) {
      const std::string at = (voice == flite::VoiceName::rms ? ", rms" : ", slt") +
                             std::string{rate == 8'000 ? ", G.711" : ", 16 kHz"};
      EXPECT_LT(recognize(("courtesies" + at).c_str(), courtesies, rate, voice).word_error_rate, 0.20);
      EXPECT_LT(recognize(("what sounds alike" + at).c_str(), others, rate, voice).word_error_rate, 0.10);
    }
}

// The two qualities: what one hears beside the other.
TEST_F(Recognition, general_english_mends_what_is_off_topic_and_spoils_nothing) {
  const auto questions = test::dental_practice::questions(), off_topic = test::dental_practice::off_topic();
  for (const int rate : {8000, 16000}) {
    const std::string at = rate == 8000 ? ", G.711" : ", 16 kHz";
    const auto voice = flite::VoiceName::rms;
    const auto own = recognize(("questions, closed" + at).c_str(), questions, rate);
    const auto own_both = recognize(("questions, general" + at).c_str(), questions, rate, voice, true);
    EXPECT_LT(own_both.word_error_rate, own.word_error_rate + 0.02);
    // One of forty is within what flite's voice differs by from run to run.
    EXPECT_GE(own_both.confident, own.confident - 0.03);
    const auto other = recognize(("off topic, closed" + at).c_str(), off_topic, rate);
    const auto other_both = recognize(("off topic, general" + at).c_str(), off_topic, rate, voice, true);
    EXPECT_GT(other.word_error_rate, 0.8) << "a closed model makes nonsense of it";
    EXPECT_LT(other_both.word_error_rate, 0.5);
    EXPECT_GT(own_both.core_share, own.core_share) << "for which it costs more";
  }
}

// People, recorded, about something else.
TEST_F(Recognition, real_speech_about_something_else_is_not_believed) {
  int believed = 0, clips = 0;
  for (const auto* name :
       {"ss-noservice", "tt-allbusy", "queue-periodic-announce", "demo-abouttotry", "pbx-invalidpark",
        "confbridge-pin-bad", "vm-mailboxfull", "agent-alreadyon", "privacy-unident", "conf-invalid",
        "vm-tmpexists", "demo-moreinfo", "auth-incorrect", "demo-thanks", "vm-nobox", "agent-incorrect"}) {
    const auto clip =
        audio::read_wav_file("/usr/share/asterisk/sounds/en_US_f_Allison/" + std::string{name} + ".wav");
    ASSERT_TRUE(clip) << clip.error().message;
    const auto heard = hear(clip->samples, clip->rate, false);
    std::printf("%-24s %.2f %s\n", name, heard.confidence, heard.text.c_str());
    ++clips;
    believed += heard.confidence >= 0.5;
  }
  EXPECT_LE(believed, clips / 8);
}

TEST_F(Recognition, words_of_a_partial_are_firm_once_they_stay) {
  const auto audio = said("what are your opening hours", 16000);
  decoder_->new_caller(16000);
  const auto half = audio.size() / 2;
  decoder_->write(std::span{audio}.first(half));
  for (const auto& word : decoder_->partial().words) EXPECT_EQ(word.confidence, 0) << word.text;
  for (const auto& word : decoder_->partial().words) EXPECT_EQ(word.confidence, 1) << word.text;
  decoder_->write(std::span{audio}.subspan(half));
  const auto later = decoder_->partial();
  ASSERT_GE(later.words.size(), 5u);
  EXPECT_EQ(later.words.front().confidence, 1);
  EXPECT_EQ(later.words.back().confidence, 0);
  decoder_->abandon();
}

TEST_F(Recognition, words_carry_times_and_confidences) {
  const auto audio = said("what are your opening hours", 8000);
  decoder_->new_caller(8000);
  decoder_->write(audio);
  EXPECT_THAT(decoder_->partial().text, testing::HasSubstr("opening"));
  const auto heard = decoder_->finish();
  EXPECT_TRUE(heard.final);
  EXPECT_EQ(heard.text, "what are your opening hours");
  ASSERT_EQ(heard.words.size(), 5u);
  int before = 0;
  for (const auto& word : heard.words) {
    EXPECT_GE(word.start_ms, before);
    EXPECT_GT(word.end_ms, word.start_ms);
    EXPECT_GT(word.confidence, 0);
    EXPECT_LE(word.confidence, 1);
    before = word.start_ms;
  }
  EXPECT_LE(before, static_cast<int>(audio.size() / 8));
  EXPECT_GT(heard.words.front().start_ms, 100);  // 200 ms of silence came first
}

TEST_F(Recognition, silence_and_nothing_are_no_words) {
  decoder_->new_caller(8000);
  EXPECT_EQ(decoder_->finish().text, "");
  decoder_->write(std::vector<audio::Sample>(8'000));
  const auto silence = decoder_->finish();
  EXPECT_LT(silence.confidence, 0.5);
  decoder_->abandon();
  decoder_->write(std::vector<audio::Sample>(80, 30'000));
  decoder_->abandon();
  EXPECT_EQ(decoder_->partial().text, "");
}

TEST_F(Recognition, one_caller_leaves_nothing_to_the_next) {
  const auto question = said("how much is a dental implant", 16000);
  const auto ask = [&] {
    decoder_->new_caller(16000);
    decoder_->write(question);
    return decoder_->finish();
  };
  const auto first = ask();
  recognize("in between", {"my cat climbed the tallest tree in the neighbourhood"}, 8000);
  const auto second = ask();
  EXPECT_EQ(first.text, second.text);
  EXPECT_NEAR(first.confidence, second.confidence, 0.01);
}

TEST(DecoderOpening, names_what_is_missing) {
  const test::TempDir directory;
  const auto none = Decoder::open(directory.path());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "recognition_model_missing");
  EXPECT_THAT(none.error().message, testing::HasSubstr("model.lm"));
}

}  // namespace
}  // namespace voxanne::speech::pocketsphinx

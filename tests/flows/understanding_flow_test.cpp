// What is understood of a caller, and what is not, with real recognition: a dictated number is read back and
// kept with the message; real speech about something else gets no answer but a question, the keypad or a
// message, in both qualities of recognition.
#include "audio/resampler.h"
#include "audio/wav.h"
#include "support/browser_caller.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"
#include "support/spoken.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* filler = "One moment please.";
constexpr const char* assistant = "/ws/web-call?assistantId=test-assistant-123";

std::vector<audio::Sample> said(const std::string& text) {
  auto out = spoken(text, audio::wideband);
  out.resize(out.size() + audio::wideband);  // and quiet after it
  return out;
}

TEST(Message, of_a_caller_who_dictates_a_number_is_read_back_and_kept) {
  Server server;
  Live live{server.ws_url("/ws/live-calls")};
  BrowserCaller caller{server.ws_url(assistant)};
  ASSERT_TRUE(caller.wait_for_words("", seconds{20})) << "the greeting";
  caller.say(said("I would like to leave a message."));
  ASSERT_TRUE(caller.wait_for_words("your name", seconds{20}));
  caller.say(said("My name is Sarah Johnson."));
  ASSERT_TRUE(caller.wait_for_words("What number", seconds{20})) << testing::PrintToString(caller.heard());
  // As people do: in groups, with pauses in between.
  auto number = spoken("zero seven seven zero zero", audio::wideband);
  number.resize(number.size() + audio::wideband);
  const auto rest = spoken("nine zero zero one two three", audio::wideband);
  number.insert(number.end(), rest.begin(), rest.end());
  number.resize(number.size() + audio::wideband * 2);
  caller.say(number);
  ASSERT_TRUE(caller.wait_for_words("Is that right?", seconds{20})) << testing::PrintToString(caller.heard());
  caller.say(said("Yes that is correct."));
  ASSERT_TRUE(caller.wait_for_words("what is your message", seconds{20}))
      << testing::PrintToString(caller.heard());
  caller.say(said("Can someone call me back please?"));
  ASSERT_TRUE(caller.wait_for_words("Shall I pass that on?", seconds{20}))
      << testing::PrintToString(caller.heard());
  caller.say(said("Yes please."));
  ASSERT_TRUE(live.wait_for_type("message.taken", seconds{20})) << testing::PrintToString(caller.heard());
  const json::value page = http_get(server.url("/api/messages")).json();
  const auto& message = page.at("messages").at(0);
  EXPECT_THAT(std::string{message.at("caller").at("number").as_string()},
              AnyOf("07700900123", "+447700900123"));
  EXPECT_THAT(json::serialize(message), HasSubstr("Johnson"));
  EXPECT_THAT(json::serialize(message), HasSubstr("call me back"));
  caller.hang_up();
}

// The parameter: how many callers are understood with general English as well.
class OffTopic : public testing::TestWithParam<std::string> {};

TEST_P(OffTopic, speech_gets_no_nonsense_for_an_answer) {
  Server server{{{"SPEECH_WORKERS", "1"}, {"SPEECH_GENERAL_CALLERS", GetParam()}}};
  Live live{server.ws_url("/ws/live-calls")};
  BrowserCaller caller{server.ws_url(assistant)};
  ASSERT_TRUE(caller.wait_for_words("", seconds{20})) << "the greeting";
  for (const auto* name : {"tt-allbusy", "queue-periodic-announce", "pbx-invalidpark", "privacy-unident"}) {
    const auto clip =
        audio::read_wav_file("/usr/share/asterisk/sounds/en_US_f_Allison/" + std::string{name} + ".wav");
    ASSERT_TRUE(clip) << clip.error().message;
    auto speech = audio::resampled(clip->samples, clip->rate, audio::wideband);
    speech.resize(speech.size() + audio::wideband * 3 / 2);
    caller.say(speech);
    ASSERT_TRUE(caller.wait_for_words("", seconds{30})) << name << " was passed over in silence";
  }
  // The reply to the last one is said to its end.
  const auto is_whole = [](const std::string& reply) {
    return reply.ends_with('?') || (reply.ends_with('.') && reply != filler);
  };
  while (!is_whole(caller.heard().back())) ASSERT_TRUE(caller.wait_for_words("", seconds{40}));
  caller.hang_up();
  ASSERT_TRUE(live.wait_for_type("call.ended", seconds{20}));

  const json::value turns = http_get(server.url("/api/calls/" + caller.call_id() + "/transcript")).json();
  int replies = 0, whole = 0;
  for (const auto& turn : turns.at("turns").as_array()) {
    std::printf("%s: %s\n", turn.at("speaker").as_string().c_str(), turn.at("text").as_string().c_str());
    if (turn.at("speaker").as_string() != "assistant" || replies++ == 0) continue;  // the greeting
    EXPECT_TRUE(turn.at("source").is_null()) << "an answer from the knowledge: " << json::serialize(turn);
    const std::string text{turn.at("text").as_string()};
    // The recording speaks on and cuts most of them.
    if (turn.at("interrupted").as_bool() || text == filler) continue;
    ++whole;
    EXPECT_THAT(text, AnyOf(HasSubstr("again"), HasSubstr("once more"), HasSubstr("keypad"),
                            HasSubstr("Press 1"), HasSubstr("message"), HasSubstr("catch")));
  }
  EXPECT_GE(replies, 4);
  EXPECT_GE(whole, 1);
}

INSTANTIATE_TEST_SUITE_P(GeneralEnglish, OffTopic, testing::Values("0", "2"),
                         [](const auto& info) { return info.param == "0" ? "without" : "with"; });

}  // namespace
}  // namespace voxanne::test

// A caller rings and hears the opening hours: through baresip (G.722), through `voxanne call` over
// SIP (PCMU, PCMA, G.722) and WebSocket, and in `voxanne demo`. Then the call, its transcript, its recording
// and its events are where they belong.
#include "audio/ogg_opus.h"
#include "audio/wav.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"
#include "support/spoken.h"
#include "support/understood.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::ContainsRegex;
using testing::HasSubstr;

constexpr const char* question = "What are your opening hours?";
// However the answer is worded, it names the days or the hour.
constexpr const char* opening_hours = "Monday|nine|eight";
// … and so somebody who listens would understand.
constexpr const char* opening_hours_heard = "monday|friday|saturday|evening|morning";

std::string text_of(const json::value& value) { return std::string{value.as_string()}; }

class FirstCall : public testing::Test {
 protected:
  Server server_;
  TempDir files_;
  Live live_{server_.ws_url("/ws/live-calls")};

  // The one call that ended, as the dashboard lists it.
  json::object ended_call() {
    const auto ended = live_.wait_for_type("call.ended", seconds{60});
    if (!ended) throw std::runtime_error("no call ended:\n" + server_.process().output());
    const auto list = http_get(server_.url("/api/calls-dashboard")).json().at("calls").as_array();
    if (list.empty()) throw std::runtime_error("the dashboard lists no call");
    return list.front().as_object();
  }

  std::string as_understood(const audio::Wav& heard) {
    return understood(heard.samples, heard.rate, server_.data() / "models" / "demo");
  }

  std::string transcript(const std::string& call) {
    std::string all;
    const json::value answer = http_get(server_.url("/api/calls/" + call + "/transcript")).json();
    for (const auto& turn : answer.at("turns").as_array())
      all += text_of(turn.at("speaker")) + ": " + text_of(turn.at("text")) + "\n";
    return all;
  }

  // The recording, once it is stored, has both sides and is as long as its call.
  void expect_recording(const json::object& call) {
    const std::string id = text_of(call.at("id"));
    const auto link = http_get(server_.url("/api/calls/" + id + "/recording?format=wav"));
    ASSERT_EQ(link.status, 200) << link.body;
    const double duration = link.json().at("duration").to_number<double>();
    EXPECT_NEAR(duration, call.at("duration").to_number<double>(), 0.5);
    auto file = http_get(text_of(link.json().at("recordingUrl")));
    ASSERT_EQ(file.status, 200) << file.body.substr(0, 200);
    ASSERT_GT(file.body.size(), audio::wav_header_size);
    const std::size_t frames = (file.body.size() - audio::wav_header_size) / 4;
    const auto* samples = reinterpret_cast<const std::int16_t*>(file.body.data() + audio::wav_header_size);
    std::vector<audio::Sample> caller(frames), assistant(frames);
    for (std::size_t i = 0; i < frames; ++i) {
      caller[i] = samples[2 * i];
      assistant[i] = samples[2 * i + 1];
    }
    const int rate = int(std::lround(double(frames) / duration));
    EXPECT_GT(audible_share(caller, rate, 0, duration), 0.02) << "the caller is on the left";
    EXPECT_GT(audible_share(assistant, rate, 0, 3), 0.3) << "the greeting is on the right, at once";
  }

  void expect_everything_is_there(const std::string& channel) {
    const auto call = ended_call();
    EXPECT_EQ(text_of(call.at("channel")), channel);
    EXPECT_EQ(text_of(call.at("status")), "ended");
    const std::string id = text_of(call.at("id"));
    EXPECT_THAT(transcript(id), ContainsRegex("assistant: .*(" + std::string{opening_hours} + ")"));
    expect_recording(call);

    std::vector<std::string> order;
    std::string said;  // by whom, in the last event of the transcript
    std::int64_t seq = 0;
    for (const auto& event : live_.all()) {
      if (text_of(event.at("type")) == "subscribed") {
        seq = event.at("seq").as_int64();
        continue;
      }
      EXPECT_EQ(event.at("seq").as_int64(), ++seq) << "no event is missing";
      order.push_back(text_of(event.at("type")));
      if (!order.back().starts_with("transcript.")) continue;
      const std::string by = order.back() + " " + text_of(event.at("data").at("speaker"));
      EXPECT_FALSE(said == "transcript.partial caller" && by == "transcript.partial assistant")
          << "an answer before its question is final";
      said = by;
    }
    const auto at = [&](const char* type) { return std::ranges::find(order, type) - order.begin(); };
    EXPECT_LT(at("call.started"), at("call.updated"));
    EXPECT_LT(at("call.updated"), at("transcript.final"));
    EXPECT_LT(at("transcript.final"), at("call.ended"));
    EXPECT_LT(at("call.ended"), std::ptrdiff_t(order.size()));
  }
};

TEST_F(FirstCall, baresip_hears_the_opening_hours_in_wideband) {
  write_spoken(files_ / "question.wav", question, 16'000, 9, 14);
  std::ofstream{files_ / "config"} << "module_path /usr/lib/baresip/modules\n"
                                      "module g722.so\nmodule aufile.so\nmodule sndfile.so\nmodule cons.so\n"
                                      "module_app account.so\nmodule_app menu.so\n"
                                      "sip_listen 127.0.0.1:0\n"
                                      "snd_path "
                                   << files_.path().string() << "\naudio_player aufile,"
                                   << (files_ / "played.wav").string() << "\naudio_source aufile,"
                                   << (files_ / "question.wav").string() << "\naudio_alert aufile,"
                                   << (files_ / "alert.wav").string() << "\n";
  std::ofstream{files_ / "accounts"}
      << "<sip:patient@127.0.0.1;transport=udp>;regint=0;audio_codecs=G722/16000/1\n";
  std::ofstream{files_ / "contacts"} << "";
  Process baresip{
      {.command = {"timeout", "40", "baresip", "-f", files_.path().string(), "-e",
                   "/dial sip:demo@127.0.0.1:" + std::to_string(server_.sip_udp_port()), "-t", "26"},
       .environment = {},
       .directory = files_.path().string()}};
  expect_everything_is_there("sip");
  baresip.wait(seconds{15});
  const auto events = http_get(server_.url("/api/calls-dashboard"));
  EXPECT_EQ(events.json().at("calls").as_array().size(), 1u) << baresip.output();
  // What baresip heard and wrote down itself.
  std::filesystem::path heard;
  for (const auto& entry : std::filesystem::directory_iterator{files_.path()})
    if (entry.path().filename().string().find("-dec.wav") != std::string::npos) heard = entry.path();
  ASSERT_FALSE(heard.empty()) << baresip.output();
  const auto wav = audio::read_wav_file(heard);
  ASSERT_TRUE(wav) << wav.error().message;
  EXPECT_GT(audible_share(wav->samples, wav->rate, 0.2, 4), 0.4) << "the greeting";
  EXPECT_GT(audible_share(wav->samples, wav->rate, 11, 20), 0.1) << "the answer";
  EXPECT_THAT(as_understood(*wav), ContainsRegex(opening_hours_heard));
}

class FirstCallBySip : public FirstCall, public testing::WithParamInterface<std::string> {};

TEST_P(FirstCallBySip, voxanne_call_hears_them) {
  write_spoken(files_ / "question.wav", question, 8'000);
  Process caller{{.command = {voxanne_program(), "call", "--to",
                              "sip:demo@127.0.0.1:" + std::to_string(server_.sip_udp_port()), "--audio",
                              (files_ / "question.wav").string(), "--save", (files_ / "heard.wav").string(),
                              "--api", server_.url(""), "--codec", GetParam()},
                  .environment = {},
                  .directory = files_.path().string()}};
  ASSERT_EQ(caller.wait(seconds{60}), 0) << caller.output();
  EXPECT_THAT(caller.out(), ContainsRegex("assistant: .*(" + std::string{opening_hours} + ")"));
  const auto heard = audio::read_wav_file(files_ / "heard.wav");
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->rate, GetParam() == "g722" ? 16'000 : 8'000) << "the codec that was agreed on";
  EXPECT_GT(audible_share(heard->samples, heard->rate, 0.2, 4), 0.4);
  EXPECT_THAT(as_understood(*heard), ContainsRegex(opening_hours_heard));
  expect_everything_is_there("sip");
}

INSTANTIATE_TEST_SUITE_P(Codecs, FirstCallBySip, testing::Values("pcmu", "pcma", "g722"),
                         [](const auto& info) { return std::string{info.param}; });

TEST_F(FirstCall, voxanne_call_hears_them_over_a_websocket) {
  write_spoken(files_ / "question.wav", question, 16'000);
  Process caller{{.command = {voxanne_program(), "call", "--to",
                              server_.ws_url("/ws/web-call?assistantId=test-assistant-123"), "--audio",
                              (files_ / "question.wav").string(), "--save", (files_ / "heard.wav").string()},
                  .environment = {},
                  .directory = files_.path().string()}};
  ASSERT_EQ(caller.wait(seconds{60}), 0) << caller.output();
  EXPECT_THAT(caller.out(), ContainsRegex("assistant: .*(" + std::string{opening_hours} + ")"));
  const auto heard = audio::read_wav_file(files_ / "heard.wav");
  ASSERT_TRUE(heard);
  EXPECT_THAT(as_understood(*heard), ContainsRegex(opening_hours_heard));
  expect_everything_is_there("browser");
}

TEST(Demo, prints_a_conversation_and_exits_with_success) {
  TempDir here;
  Process demo{
      {.command = {voxanne_program(), "demo"}, .environment = {}, .directory = here.path().string()}};
  ASSERT_EQ(demo.wait(seconds{110}), 0) << demo.output();
  EXPECT_THAT(demo.out(), ContainsRegex("assistant +.*(" + std::string{opening_hours} + ")"));
  EXPECT_THAT(demo.out(), HasSubstr("The call ended"));
}

}  // namespace
}  // namespace voxanne::test

// A caller speaks over the assistant's answer, with real recognition, over SIP and from a browser: the
// assistant stops in time, its turn is written as far as it was heard, and what the caller asked instead
// is answered. A sound of attention does not stop it.
#include "audio/wav.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"
#include "support/spoken.h"
#include "support/understood.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* answer_ends = "evening";

int number(const json::value& value) { return int(value.as_int64()); }

class BargeIn : public testing::TestWithParam<std::string> {
 protected:
  struct Call {
    json::object call;
    json::array turns;
    std::vector<json::object> events;

    std::vector<json::object> of_type(std::string_view type) const {
      std::vector<json::object> out;
      for (const auto& event : events)
        if (event.at("type").as_string() == type) out.push_back(event.at("data").as_object());
      return out;
    }
    // The assistant's turn that says the opening hours.
    const json::object& answer() const {
      for (const auto& turn : turns)
        if (turn.at("speaker").as_string() == "assistant" &&
            std::string_view{turn.at("text").as_string()}.find("Monday") != std::string_view::npos)
          return turn.as_object();
      throw std::runtime_error("no answer: " + json::serialize(turns));
    }
  };

  // Asks for the opening hours, and says each of `then` over what the assistant answers, so long after it
  // began.
  Call call(const std::vector<std::string>& then, const std::string& interrupt_after) {
    write_spoken(files_ / "question.wav", "What are your opening hours?", 16'000);
    std::vector<std::string> command{voxanne_program(), "call", "--to"};
    if (GetParam() == "browser") {
      command.push_back(server_.ws_url("/ws/web-call?assistantId=test-assistant-123"));
    } else {
      command.push_back("sip:demo@127.0.0.1:" + std::to_string(server_.sip_udp_port()));
      command.insert(command.end(), {"--codec", "pcmu", "--api", server_.url("")});
    }
    command.insert(command.end(),
                   {"--interrupt-after", interrupt_after, "--audio", (files_ / "question.wav").string()});
    for (std::size_t i = 0; i < then.size(); ++i) {
      const auto file = files_ / ("then" + std::to_string(i) + ".wav");
      write_spoken(file, then[i], 16'000);
      command.insert(command.end(), {"--audio", file.string()});
    }
    Process caller{{.command = command, .environment = {}, .directory = files_.path().string()}};
    EXPECT_EQ(caller.wait(seconds{90}), 0) << caller.output();
    if (!live_.wait_for_type("call.ended", seconds{30})) throw std::runtime_error("no call ended");

    Call out;
    out.call = http_get(server_.url("/api/calls-dashboard")).json().at("calls").at(0).as_object();
    const std::string id{out.call.at("id").as_string()};
    out.turns = http_get(server_.url("/api/calls/" + id + "/transcript")).json().at("turns").as_array();
    const json::value log = http_get(server_.url("/api/calls/" + id + "/events")).json();
    for (const auto& event : log.at("events").as_array()) out.events.push_back(event.as_object());
    return out;
  }

  // The assistant's side of the recording, as long as the call.
  std::pair<std::vector<audio::Sample>, int> assistant_side(const json::object& call) {
    const std::string id{call.at("id").as_string()};
    const json::value link = http_get(server_.url("/api/calls/" + id + "/recording?format=wav")).json();
    const auto file = http_get(std::string{link.at("recordingUrl").as_string()});
    const std::size_t frames = (file.body.size() - audio::wav_header_size) / 4;
    const auto* samples = reinterpret_cast<const std::int16_t*>(file.body.data() + audio::wav_header_size);
    std::vector<audio::Sample> side(frames);
    for (std::size_t i = 0; i < frames; ++i) side[i] = samples[2 * i + 1];
    return {side, int(std::lround(double(frames) / link.at("duration").to_number<double>()))};
  }

  Server server_;
  TempDir files_;
  Live live_{server_.ws_url("/ws/live-calls")};
};

TEST_P(BargeIn, the_assistant_stops_and_answers_what_was_asked_instead) {
  const std::vector<std::string> questions{"Where can I park?", "Are you open on Sunday?",
                                           "How much is a check up?"};
  const auto done = call(questions, "1.4");
  const auto decided = done.of_type("barge_in");
  ASSERT_EQ(decided.size(), questions.size()) << json::serialize(done.turns);
  std::vector<int> took;
  const auto [assistant, rate] = assistant_side(done.call);
  for (const auto& one : decided) {
    took.push_back(number(one.at("onsetToDecisionMs")));
    std::printf("barge-in, %s: %d ms from onset to decision, by %s\n", GetParam().c_str(), took.back(),
                one.at("cause").as_string().c_str());
    const double decision = number(one.at("atMs")) / 1'000.0;
    EXPECT_GT(audible_share(assistant, rate, decision - 1.5, decision - 0.7), 0.4) << "it was speaking";
    EXPECT_EQ(audible_share(assistant, rate, decision + 0.2, decision + 0.6), 0)
        << "silent within 200 ms of deciding, until the caller is answered";
  }
  // By words as a rule; 800 ms of speech decide where the machine is too busy to recognize in time.
  EXPECT_LE(*std::ranges::max_element(took), 900);
  EXPECT_TRUE(std::ranges::any_of(decided, [](const auto& one) { return one.at("cause") == "words"; }));

  const auto& answer = done.answer();
  EXPECT_TRUE(answer.at("interrupted").as_bool());
  const std::string written{answer.at("text").as_string()};
  EXPECT_THAT(written, Not(HasSubstr(answer_ends))) << "what was not heard is not in the transcript";
  // What is in the transcript is what sounded: the recording's own words say so.
  const double from = answer.at("startMs").to_number<double>() / 1'000;
  const double to = answer.at("endMs").to_number<double>() / 1'000;
  const std::vector<audio::Sample> sounded{assistant.begin() + std::ptrdiff_t(from * rate),
                                           assistant.begin() + std::ptrdiff_t(to * rate)};
  EXPECT_THAT(understood(sounded, rate, server_.data() / "models" / "demo"), HasSubstr("open monday"));
  EXPECT_THAT(written, StartsWith("We are open Monday"));

  std::string after;
  for (const auto& turn : done.turns)
    if (turn.at("speaker").as_string() == "assistant") after = turn.at("text").as_string();
  EXPECT_THAT(after, ContainsRegex("forty|45")) << json::serialize(done.turns);
}

TEST_P(BargeIn, attention_does_not_stop_it) {
  const auto done = call({"Uh huh.", "Okay."}, "1.0");
  for (const auto& one : done.of_type("barge_in"))
    ADD_FAILURE() << json::serialize(one) << json::serialize(done.turns);
  EXPECT_FALSE(done.answer().at("interrupted").as_bool());
  EXPECT_THAT(std::string{done.answer().at("text").as_string()}, HasSubstr(answer_ends));
}

INSTANTIATE_TEST_SUITE_P(Transports, BargeIn, testing::Values("sip", "browser"),
                         [](const auto& info) { return std::string{info.param}; });

}  // namespace
}  // namespace voxanne::test

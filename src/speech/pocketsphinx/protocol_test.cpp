#include "speech/pocketsphinx/protocol.h"

#include <gmock/gmock.h>

namespace voxanne::speech::pocketsphinx {
namespace {

const std::vector<Request> requests{OpenStream{7, 8000, "/models/demo", "/models/.default"},
                                    AudioOf{7, 3, {0, 1, -1, 32767, -32768}},
                                    AudioOf{7, 3, {}},
                                    FinishUtterance{7, 3},
                                    AbandonUtterance{7, 4},
                                    CloseStream{7},
                                    Ping{99}};

TEST(SpeechProtocol, requests_survive_the_trip_in_any_portions) {
  std::string wire;
  for (const auto& request : requests) encode(request, wire);
  std::vector<Request> received;
  std::string buffer;
  for (const char byte : wire) {
    buffer += byte;
    std::string_view rest = buffer;
    const auto request = decode_request(rest).value();
    if (request) received.push_back(*request);
    buffer.erase(0, buffer.size() - rest.size());
  }
  EXPECT_EQ(received, requests);
  EXPECT_TRUE(buffer.empty());
}

TEST(SpeechProtocol, a_hypothesis_survives_the_trip) {
  Heard sent{5,
             2,
             {.final = true,
              .text = "yes please",
              .confidence = 0.75,
              .words = {{"yes", 10, 300, 0.5}, {"please", 300, 700, 1}}}};
  std::string wire;
  encode(Answer{sent}, wire);
  std::string_view rest = wire;
  const auto answer = decode_answer(rest).value();
  ASSERT_TRUE(answer);
  const auto& heard = std::get<Heard>(*answer);
  EXPECT_EQ(heard.stream, 5u);
  EXPECT_EQ(heard.utterance, 2u);
  EXPECT_TRUE(heard.hypothesis.final);
  EXPECT_EQ(heard.hypothesis.text, "yes please");
  EXPECT_NEAR(heard.hypothesis.confidence, 0.75, 1e-4);
  ASSERT_EQ(heard.hypothesis.words.size(), 2u);
  EXPECT_EQ(heard.hypothesis.words[1].text, "please");
  EXPECT_EQ(heard.hypothesis.words[1].end_ms, 700);
  EXPECT_NEAR(heard.hypothesis.words[0].confidence, 0.5, 1e-4);
}

TEST(SpeechProtocol, other_answers_survive_the_trip) {
  std::string wire;
  encode(Answer{StreamOpened{1}}, wire);
  encode(Answer{StreamFailed{2, "code", "what to do"}}, wire);
  encode(Answer{Pong{3, 1000, 40, 2, 7}}, wire);
  std::string_view rest = wire;
  EXPECT_EQ(std::get<StreamOpened>(*decode_answer(rest).value()), (StreamOpened{1}));
  EXPECT_EQ(std::get<StreamFailed>(*decode_answer(rest).value()), (StreamFailed{2, "code", "what to do"}));
  EXPECT_EQ(std::get<Pong>(*decode_answer(rest).value()), (Pong{3, 1000, 40, 2, 7}));
  EXPECT_TRUE(rest.empty());
}

TEST(SpeechProtocol, what_is_too_long_for_a_message_is_cut) {
  Heard endless{1, 1, {.final = true}};
  for (int i = 0; i < 5'000; ++i) endless.hypothesis.words.push_back({std::string(200, 'x'), i, i + 1, 1});
  AudioOf loud{1, 1, std::vector<audio::Sample>(100'000, 5)};
  std::string wire;
  encode(Request{loud}, wire);
  std::string_view rest = wire;
  EXPECT_EQ(std::get<AudioOf>(*decode_request(rest).value()).samples.size(), 16'000u);
  wire.clear();
  encode(Answer{endless}, wire);
  rest = wire;
  EXPECT_LE(wire.size(), max_message + 4);
  EXPECT_EQ(std::get<Heard>(*decode_answer(rest).value()).hypothesis.words.size(), 700u);
}

TEST(SpeechProtocol, bytes_that_are_no_message_are_refused) {
  using namespace std::string_literals;
  for (const std::string& bytes :
       {"\xff\xff\xff\xff"s,                                                 // longer than any message
        "\x00\x00\x00\x00"s,                                                 // no type
        "\x05\x00\x00\x00\x63\x01\x00\x00\x00"s,                             // unknown type
        "\x05\x00\x00\x00\x03\x01\x00\x00\x00"s,                             // finish without its utterance
        "\x07\x00\x00\x00\x05\x01\x00\x00\x00??"s,                           // close with more
        "\x0a\x00\x00\x00\x02\x01\x00\x00\x00\x01\x00\x00\x00\x05"s,         // half a sample
        "\x0b\x00\x00\x00\x01\x01\x00\x00\x00\x40\x1f\xff\xff\x00\x00"s,     // string past the end
        "\x0b\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"s}) {  // rate 0
    std::string_view rest = bytes;
    const auto request = decode_request(rest);
    ASSERT_FALSE(request) << bytes.size();
    EXPECT_EQ(request.error().code, "bad_worker_message");
  }
}

}  // namespace
}  // namespace voxanne::speech::pocketsphinx

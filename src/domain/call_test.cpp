#include "domain/call.h"
#include "domain/assistant.h"

#include <gtest/gtest.h>

#include <set>

namespace voxanne::domain {
namespace {

// Every enumerator has a word of its own that parses back to it; there is none beyond the last.
template <class E>
void words_round_trip(E last, std::optional<E> (*parse)(std::string_view)) {
  std::set<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto value = static_cast<E>(i);
    EXPECT_EQ(parse(to_string(value)), value) << to_string(value);
    EXPECT_TRUE(seen.insert(to_string(value)).second) << to_string(value);
  }
  EXPECT_THROW(to_string(static_cast<E>(static_cast<int>(last) + 1)), std::out_of_range);
  for (const char* bad : {"", "Inbound", "in_progress", "ended ", "sip\n"}) EXPECT_FALSE(parse(bad)) << bad;
}

TEST(CallWords, round_trip_and_refuse_others) {
  words_round_trip(Direction::outbound, parse_direction);
  words_round_trip(Channel::vapi, parse_channel);
  words_round_trip(CallStatus::failed, parse_call_status);
  words_round_trip(RecordingStatus::failed, parse_recording_status);
  words_round_trip(FaultParty::us, parse_fault_party);
  words_round_trip(Speaker::assistant, parse_speaker);
  words_round_trip(PhoneNumber::Carrier::builtin, parse_carrier);
}

TEST(CallWords, are_those_of_the_contract) {
  EXPECT_EQ(to_string(CallStatus::in_progress), "in-progress");
  EXPECT_EQ(to_string(RecordingStatus::uploading), "uploading");
  EXPECT_EQ(to_string(Channel::browser), "browser");
  EXPECT_EQ(to_string(Direction::outbound), "outbound");
}

}  // namespace
}  // namespace voxanne::domain

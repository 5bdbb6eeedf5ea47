#include "domain/call.h"

#include "domain/assistant.h"

#include <array>
#include <cstddef>
#include <utility>

namespace voxanne::domain {
namespace {

// One table per enumeration serves both directions; the index is the enumerator.
template <std::size_t N>
using Words = std::array<std::string_view, N>;

constexpr Words<2> directions{"inbound", "outbound"};
constexpr Words<4> channels{"sip", "twilio", "browser", "vapi"};
constexpr Words<5> call_statuses{"queued", "ringing", "in-progress", "ended", "failed"};
constexpr Words<6> recording_statuses{"none", "recording", "queued", "uploading", "stored", "failed"};
constexpr Words<5> fault_parties{"nobody", "caller", "carrier", "provider", "us"};
constexpr Words<2> speakers{"caller", "assistant"};
constexpr Words<4> carriers{"sip", "twilio", "vapi", "builtin"};

template <class E, std::size_t N>
std::string_view word(const Words<N>& words, E value) {
  return words.at(static_cast<std::size_t>(value));
}

template <class E, std::size_t N>
std::optional<E> parse(const Words<N>& words, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == text) return static_cast<E>(i);
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Direction value) { return word(directions, value); }
std::string_view to_string(Channel value) { return word(channels, value); }
std::string_view to_string(CallStatus value) { return word(call_statuses, value); }
std::string_view to_string(RecordingStatus value) { return word(recording_statuses, value); }
std::string_view to_string(FaultParty value) { return word(fault_parties, value); }
std::string_view to_string(Speaker value) { return word(speakers, value); }
std::string_view to_string(PhoneNumber::Carrier value) { return word(carriers, value); }

std::optional<Direction> parse_direction(std::string_view text) { return parse<Direction>(directions, text); }
std::optional<Channel> parse_channel(std::string_view text) { return parse<Channel>(channels, text); }
std::optional<CallStatus> parse_call_status(std::string_view text) {
  return parse<CallStatus>(call_statuses, text);
}
std::optional<RecordingStatus> parse_recording_status(std::string_view text) {
  return parse<RecordingStatus>(recording_statuses, text);
}
std::optional<FaultParty> parse_fault_party(std::string_view text) {
  return parse<FaultParty>(fault_parties, text);
}
std::optional<Speaker> parse_speaker(std::string_view text) { return parse<Speaker>(speakers, text); }
std::optional<PhoneNumber::Carrier> parse_carrier(std::string_view text) {
  return parse<PhoneNumber::Carrier>(carriers, text);
}

}  // namespace voxanne::domain

// The messages between the server and its speech workers, over a socket pair: length-prefixed,
// little-endian, at most max_message bytes. Pure: bytes ↔ values; every length is checked, and
// bytes that are no message are an error, after which the connection is of no use.
//
//   u32 length of what follows | u8 type | u32 stream | fields
//
// Utterances are counted by the server: finish and abandon name the one they end, answers the one
// they belong to, so that partials of an abandoned utterance can be told.
#pragma once

#include "audio/frame.h"
#include "base/result.h"
#include "speech/recognizer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace voxanne::speech::pocketsphinx {

inline constexpr std::size_t max_message = 64u << 10;
using StreamId = std::uint32_t;

// To the worker.
struct OpenStream {
  StreamId stream = 0;
  std::uint16_t rate = 0;
  std::string model, fallback;  // directories; the second serves when the first does not exist
  bool operator==(const OpenStream&) const = default;
};
struct AudioOf {
  StreamId stream = 0;
  std::uint32_t utterance = 0;
  std::vector<audio::Sample> samples;
  bool operator==(const AudioOf&) const = default;
};
struct FinishUtterance {
  StreamId stream = 0;
  std::uint32_t utterance = 0;
  bool operator==(const FinishUtterance&) const = default;
};
struct AbandonUtterance {
  StreamId stream = 0;
  std::uint32_t utterance = 0;
  bool operator==(const AbandonUtterance&) const = default;
};
struct CloseStream {
  StreamId stream = 0;
  bool operator==(const CloseStream&) const = default;
};
// Answered in turn: the time between tells how far the worker is behind.
struct Ping {
  std::uint32_t number = 0;
  bool operator==(const Ping&) const = default;
};
using Request = std::variant<OpenStream, AudioOf, FinishUtterance, AbandonUtterance, CloseStream, Ping>;

// From the worker.
struct StreamOpened {
  StreamId stream = 0;
  bool operator==(const StreamOpened&) const = default;
};
struct Heard {
  StreamId stream = 0;
  std::uint32_t utterance = 0;
  Hypothesis hypothesis;
};
struct StreamFailed {
  StreamId stream = 0;
  std::string code, message;
  bool operator==(const StreamFailed&) const = default;
};
struct Pong {
  std::uint32_t number = 0;
  std::uint32_t audio_ms = 0, cpu_ms = 0;  // decoded by closed models and used for it since the last one
  std::uint32_t general_ready = 0;         // decoders that have general English as well
  std::uint32_t general_utterances = 0;    // given to such since the last one
  bool operator==(const Pong&) const = default;
};
using Answer = std::variant<StreamOpened, Heard, StreamFailed, Pong>;

// Appends the message. Strings and words beyond what a message holds are cut.
void encode(const Request& request, std::string& out);
void encode(const Answer& answer, std::string& out);

// Takes one message off the front of `bytes`: nullopt while it is incomplete; malformed when the
// bytes are no message.
Result<std::optional<Request>> decode_request(std::string_view& bytes);
Result<std::optional<Answer>> decode_answer(std::string_view& bytes);

}  // namespace voxanne::speech::pocketsphinx

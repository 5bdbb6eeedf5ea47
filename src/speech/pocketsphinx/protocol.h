// What the server and a speech worker say to each other over a stream socket: pure encode and
// decode, fuzzed. Both ends run on one machine; integers are little-endian.
//
//   message   u32 bytes of what follows | u8 type | u32 stream | payload
//
//   to the worker      open: u16 rate, text model directory   audio: PCM16 at that rate
//                      finish, abandon, close: nothing
//   from the worker    failed: text code                      partial: text
//                      final: f32 confidence, u16 words, each text, u32 start ms, u32 end ms, f32
//   text               u16 bytes, the bytes
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

struct OpenStream {
  int rate = audio::wideband;
  std::string model;  // directory with model.lm and model.dict
};
struct Audio {
  std::vector<audio::Sample> samples;
};
struct Finish {};
struct Abandon {};
struct Close {};
struct Failed {
  std::string code;
};
struct Partial {
  std::string text;
};
struct Final {
  Hypothesis hypothesis;
};

struct Envelope {
  std::uint32_t stream = 0;
  std::variant<OpenStream, Audio, Finish, Abandon, Close, Failed, Partial, Final> body;
};

inline constexpr std::size_t max_message = 64 * 1024;

void encode(std::string& out, const Envelope& envelope);
// The audio of one frame without building an Envelope: the path that runs 50 times a second.
void encode_audio(std::string& out, std::uint32_t stream, std::span<const audio::Sample> samples);

// Takes bytes as they arrive; gives messages as they become whole.
class Decoder {
 public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // nullopt: more bytes are needed. Error: malformed (speech_protocol); the stream is lost then.
  Result<std::optional<Envelope>> next();

 private:
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace voxanne::speech::pocketsphinx

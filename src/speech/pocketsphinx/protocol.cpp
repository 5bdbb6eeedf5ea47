#include "speech/pocketsphinx/protocol.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr std::size_t header = 4, longest_string = 4'096, most_words = 700, longest_word = 64,
                      most_samples = 16'000;

enum class Type : std::uint8_t {
  open = 1,
  audio,
  finish,
  abandon,
  close,
  ping,
  opened = 16,
  heard,
  failed,
  pong,
};

class Writer {
 public:
  Writer(std::string& out, Type type, StreamId stream) : out_(out), start_(out.size()) {
    out_.append(header, '\0');
    number(static_cast<std::uint8_t>(type));
    number(stream);
  }
  ~Writer() {
    const auto length = static_cast<std::uint32_t>(out_.size() - start_ - header);
    for (std::size_t i = 0; i < header; ++i) out_[start_ + i] = static_cast<char>(length >> (8 * i));
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  template <class Unsigned>
  void number(Unsigned value) {
    for (std::size_t i = 0; i < sizeof value; ++i) out_ += static_cast<char>(value >> (8 * i));
  }
  void text(std::string_view value, std::size_t longest) {
    value = value.substr(0, longest);
    number(static_cast<std::uint16_t>(value.size()));
    out_ += value;
  }
  // 0–1 in 16 bits.
  void share(double value) {
    number(static_cast<std::uint16_t>(std::lround(std::clamp(value, 0.0, 1.0) * 65'535)));
  }

 private:
  std::string& out_;
  std::size_t start_;
};

// Reads fields; ok() is false once one was missing.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class Unsigned>
  Unsigned number() {
    Unsigned value = 0;
    if (bytes_.size() < sizeof value) return fail<Unsigned>();
    for (std::size_t i = 0; i < sizeof value; ++i)
      value = static_cast<Unsigned>(value | static_cast<Unsigned>(static_cast<unsigned char>(bytes_[i]))
                                                << (8 * i));
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string text(std::size_t longest) {
    const std::size_t size = number<std::uint16_t>();
    if (size > longest || size > bytes_.size()) return fail<std::string>();
    std::string value{bytes_.substr(0, size)};
    bytes_.remove_prefix(size);
    return value;
  }
  double share() { return number<std::uint16_t>() / 65'535.0; }
  std::size_t left() const { return bytes_.size(); }
  void refuse() { ok_ = false; }
  bool ok() const { return ok_; }
  bool complete() const { return ok_ && bytes_.empty(); }

 private:
  template <class T>
  T fail() {
    ok_ = false;
    bytes_ = {};
    return {};
  }
  std::string_view bytes_;
  bool ok_ = true;
};

struct RequestWriter {
  std::string& out;

  void operator()(const OpenStream& open) const {
    Writer writer{out, Type::open, open.stream};
    writer.number(open.rate);
    writer.text(open.model, longest_string);
    writer.text(open.fallback, longest_string);
  }
  void operator()(const AudioOf& audio) const {
    Writer writer{out, Type::audio, audio.stream};
    writer.number(audio.utterance);
    const auto count = std::min(audio.samples.size(), most_samples);
    for (std::size_t i = 0; i < count; ++i) writer.number(static_cast<std::uint16_t>(audio.samples[i]));
  }
  void operator()(const FinishUtterance& finish) const {
    Writer{out, Type::finish, finish.stream}.number(finish.utterance);
  }
  void operator()(const AbandonUtterance& abandon) const {
    Writer{out, Type::abandon, abandon.stream}.number(abandon.utterance);
  }
  void operator()(const CloseStream& close) const { Writer{out, Type::close, close.stream}; }
  void operator()(const Ping& ping) const { Writer{out, Type::ping, 0}.number(ping.number); }
};

struct AnswerWriter {
  std::string& out;

  void operator()(const StreamOpened& opened) const { Writer{out, Type::opened, opened.stream}; }
  void operator()(const Heard& heard) const {
    Writer writer{out, Type::heard, heard.stream};
    writer.number(heard.utterance);
    writer.number(static_cast<std::uint8_t>(heard.hypothesis.final));
    writer.share(heard.hypothesis.confidence);
    const auto& words = heard.hypothesis.words;
    const auto count = std::min(words.size(), most_words);
    writer.number(static_cast<std::uint16_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      writer.text(words[i].text, longest_word);
      writer.number(static_cast<std::uint32_t>(std::max(0, words[i].start_ms)));
      writer.number(static_cast<std::uint32_t>(std::max(0, words[i].end_ms)));
      writer.share(words[i].confidence);
    }
  }
  void operator()(const StreamFailed& failed) const {
    Writer writer{out, Type::failed, failed.stream};
    writer.text(failed.code, longest_string);
    writer.text(failed.message, longest_string);
  }
  void operator()(const Pong& pong) const {
    Writer writer{out, Type::pong, 0};
    writer.number(pong.number);
    writer.number(pong.audio_ms);
    writer.number(pong.cpu_ms);
    writer.number(pong.general_ready);
    writer.number(pong.general_utterances);
  }
};

// The words are the text, joined by blanks.
Heard read_heard(StreamId stream, Reader& reader) {
  Heard heard{.stream = stream, .utterance = reader.number<std::uint32_t>(), .hypothesis = {}};
  const auto final = reader.number<std::uint8_t>();
  if (final > 1) reader.refuse();
  heard.hypothesis.final = final == 1;
  heard.hypothesis.confidence = reader.share();
  const auto count = reader.number<std::uint16_t>();
  if (count > most_words) reader.refuse();
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    HeardWord word{.text = reader.text(longest_word)};
    const auto start = reader.number<std::uint32_t>(), end = reader.number<std::uint32_t>();
    constexpr std::uint32_t latest = 1U << 30U;
    if (start > latest || end > latest) reader.refuse();
    word.start_ms = static_cast<int>(start);
    word.end_ms = static_cast<int>(end);
    word.confidence = reader.share();
    if (!heard.hypothesis.text.empty()) heard.hypothesis.text += ' ';
    heard.hypothesis.text += word.text;
    heard.hypothesis.words.push_back(std::move(word));
  }
  return heard;
}

std::optional<Request> read_request(Type type, StreamId stream, Reader& reader) {
  switch (type) {
    case Type::open: {
      OpenStream open{.stream = stream, .rate = reader.number<std::uint16_t>(), .model = {}, .fallback = {}};
      open.model = reader.text(longest_string);
      open.fallback = reader.text(longest_string);
      if (open.rate != audio::narrowband && open.rate != audio::wideband) reader.refuse();
      return open;
    }
    case Type::audio: {
      AudioOf audio{.stream = stream, .utterance = reader.number<std::uint32_t>(), .samples = {}};
      const auto count = reader.left() / 2;
      if (count > most_samples) reader.refuse();
      for (std::size_t i = 0; i < count && reader.ok(); ++i)
        audio.samples.push_back(static_cast<audio::Sample>(reader.number<std::uint16_t>()));
      return audio;
    }
    case Type::finish:
      return FinishUtterance{stream, reader.number<std::uint32_t>()};
    case Type::abandon:
      return AbandonUtterance{stream, reader.number<std::uint32_t>()};
    case Type::close:
      return CloseStream{stream};
    case Type::ping:
      return Ping{reader.number<std::uint32_t>()};
    default:
      return std::nullopt;
  }
}

std::optional<Answer> read_answer(Type type, StreamId stream, Reader& reader) {
  switch (type) {
    case Type::opened:
      return StreamOpened{stream};
    case Type::heard:
      return read_heard(stream, reader);
    case Type::failed: {
      StreamFailed failed{.stream = stream, .code = reader.text(longest_string), .message = {}};
      failed.message = reader.text(longest_string);
      return failed;
    }
    case Type::pong: {
      Pong pong{.number = reader.number<std::uint32_t>()};
      pong.audio_ms = reader.number<std::uint32_t>();
      pong.cpu_ms = reader.number<std::uint32_t>();
      pong.general_ready = reader.number<std::uint32_t>();
      pong.general_utterances = reader.number<std::uint32_t>();
      return pong;
    }
    default:
      return std::nullopt;
  }
}

template <class Message, class ReadFields>
Result<std::optional<Message>> decode(std::string_view& bytes, ReadFields read_fields) {
  if (bytes.size() < header) return std::optional<Message>{};
  const auto length = Reader{bytes}.number<std::uint32_t>();
  if (length > max_message)
    return malformed("bad_worker_message",
                     "a message of " + std::to_string(length) + " bytes is over the limit");
  if (bytes.size() < header + length) return std::optional<Message>{};
  Reader reader{bytes.substr(header, length)};
  bytes.remove_prefix(header + length);
  const auto type = static_cast<Type>(reader.number<std::uint8_t>());
  const auto stream = reader.number<std::uint32_t>();
  auto message = read_fields(type, stream, reader);
  if (!message || !reader.complete())
    return malformed("bad_worker_message",
                     "a message of type " + std::to_string(static_cast<int>(type)) + " cannot be read");
  return message;
}

}  // namespace

void encode(const Request& request, std::string& out) { std::visit(RequestWriter{out}, request); }
void encode(const Answer& answer, std::string& out) { std::visit(AnswerWriter{out}, answer); }

Result<std::optional<Request>> decode_request(std::string_view& bytes) {
  return decode<Request>(bytes, read_request);
}
Result<std::optional<Answer>> decode_answer(std::string_view& bytes) {
  return decode<Answer>(bytes, read_answer);
}

}  // namespace voxanne::speech::pocketsphinx

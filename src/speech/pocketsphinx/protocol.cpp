#include "speech/pocketsphinx/protocol.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace voxanne::speech::pocketsphinx {
namespace {

static_assert(std::endian::native == std::endian::little);

enum Type : std::uint8_t {
  open = 1,
  audio_data,
  finish,
  abandon,
  close_stream,
  failed = 64,
  partial,
  final_words
};

constexpr std::size_t header = 4 + 1 + 4;

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_text(std::string& out, std::string_view text) {
  const auto size = std::uint16_t(std::min<std::size_t>(text.size(), 0xffff));
  put(out, size);
  out.append(text.substr(0, size));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T get() {
    T value{};
    if (bytes_.size() - at_ < sizeof(T)) {
      bad_ = true;
      return value;
    }
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string text() {
    const auto size = get<std::uint16_t>();
    if (bad_ || bytes_.size() - at_ < size) {
      bad_ = true;
      return {};
    }
    at_ += size;
    return std::string{bytes_.substr(at_ - size, size)};
  }
  std::string_view rest() {
    const auto out = bytes_.substr(at_);
    at_ = bytes_.size();
    return out;
  }
  bool whole() const { return !bad_ && at_ == bytes_.size(); }
  bool bad() const { return bad_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool bad_ = false;
};

double unit(float value) { return value >= 0 && value <= 1 ? double(value) : 0; }

Hypothesis read_final(Reader& in) {
  Hypothesis out;
  out.final = true;
  out.confidence = unit(in.get<float>());
  const auto count = in.get<std::uint16_t>();
  for (unsigned i = 0; i < count && !in.bad(); ++i) {
    HeardWord word;
    word.text = in.text();
    word.start_ms = int(in.get<std::uint32_t>() & 0x7fffffff);
    word.end_ms = int(in.get<std::uint32_t>() & 0x7fffffff);
    word.confidence = unit(in.get<float>());
    out.text.append(out.text.empty() ? "" : " ").append(word.text);
    out.words.push_back(std::move(word));
  }
  return out;
}

}  // namespace

void encode_audio(std::string& out, std::uint32_t stream, std::span<const audio::Sample> samples) {
  put(out, std::uint32_t(1 + 4 + samples.size_bytes()));
  put(out, std::uint8_t(audio_data));
  put(out, stream);
  out.append(reinterpret_cast<const char*>(samples.data()), samples.size_bytes());
}

void encode(std::string& out, const Envelope& envelope) {
  const std::size_t start = out.size();
  put(out, std::uint32_t{0});
  const auto begin = [&](Type type) {
    put(out, std::uint8_t(type));
    put(out, envelope.stream);
  };
  std::visit(
      [&]<class T>(const T& body) {
        if constexpr (std::is_same_v<T, OpenStream>) {
          begin(open);
          put(out, std::uint16_t(body.rate));
          put_text(out, body.model);
        } else if constexpr (std::is_same_v<T, Audio>) {
          begin(audio_data);
          out.append(reinterpret_cast<const char*>(body.samples.data()),
                     body.samples.size() * sizeof(audio::Sample));
        } else if constexpr (std::is_same_v<T, Finish>) {
          begin(finish);
        } else if constexpr (std::is_same_v<T, Abandon>) {
          begin(abandon);
        } else if constexpr (std::is_same_v<T, Close>) {
          begin(close_stream);
        } else if constexpr (std::is_same_v<T, Failed>) {
          begin(failed);
          put_text(out, body.code);
        } else if constexpr (std::is_same_v<T, Partial>) {
          begin(partial);
          put_text(out, body.text);
        } else {
          begin(final_words);
          put(out, float(body.hypothesis.confidence));
          const auto count = std::min<std::size_t>(body.hypothesis.words.size(), 1'000);
          put(out, std::uint16_t(count));
          for (std::size_t i = 0; i < count; ++i) {
            const HeardWord& word = body.hypothesis.words[i];
            put_text(out, std::string_view{word.text}.substr(0, 40));
            put(out, std::uint32_t(word.start_ms));
            put(out, std::uint32_t(word.end_ms));
            put(out, float(word.confidence));
          }
        }
      },
      envelope.body);
  const auto size = std::uint32_t(out.size() - start - 4);
  std::memcpy(out.data() + start, &size, sizeof size);
}

Result<std::optional<Envelope>> Decoder::next() {
  const auto bad = [](const char* why) {
    return malformed("speech_protocol",
                     std::string{"a speech worker's socket carries what is no message: "} + why);
  };
  const std::string_view waiting = std::string_view{buffer_}.substr(at_);
  if (waiting.size() < 4) return std::optional<Envelope>{};
  std::uint32_t size = 0;
  std::memcpy(&size, waiting.data(), 4);
  if (size < header - 4 || size > max_message) return bad("its length is impossible");
  if (waiting.size() < 4 + size) {
    if (at_ > max_message) {
      buffer_.erase(0, at_);
      at_ = 0;
    }
    return std::optional<Envelope>{};
  }

  Reader in{waiting.substr(4, size)};
  const auto type = in.get<std::uint8_t>();
  Envelope out;
  out.stream = in.get<std::uint32_t>();
  switch (type) {
    case open: {
      OpenStream body;
      body.rate = in.get<std::uint16_t>();
      body.model = in.text();
      if (body.rate != audio::narrowband && body.rate != audio::wideband) return bad("an unknown rate");
      out.body = std::move(body);
      break;
    }
    case audio_data: {
      const auto bytes = in.rest();
      if (bytes.size() % sizeof(audio::Sample) != 0) return bad("half a sample");
      Audio body;
      body.samples.resize(bytes.size() / sizeof(audio::Sample));
      std::memcpy(body.samples.data(), bytes.data(), bytes.size());
      out.body = std::move(body);
      break;
    }
    case finish:
      out.body = Finish{};
      break;
    case abandon:
      out.body = Abandon{};
      break;
    case close_stream:
      out.body = Close{};
      break;
    case failed:
      out.body = Failed{in.text()};
      break;
    case partial:
      out.body = Partial{in.text()};
      break;
    case final_words:
      out.body = Final{read_final(in)};
      break;
    default:
      return bad("an unknown type");
  }
  if (!in.whole()) return bad("its payload has the wrong size");
  at_ += 4 + size;
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = 0;
  }
  return std::optional<Envelope>{std::move(out)};
}

}  // namespace voxanne::speech::pocketsphinx

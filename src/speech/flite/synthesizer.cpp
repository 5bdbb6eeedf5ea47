#include "speech/flite/synthesizer.h"

#include "audio/resampler.h"
#include "base/log.h"
#include "speech/flite/pieces.h"

#include <algorithm>

namespace voxanne::speech::flite {
namespace {

std::string key_of(VoiceName voice, int rate, const Piece& piece) {
  std::string key{rate == native_rate ? 'w' : 'n', static_cast<char>('0' + static_cast<int>(voice))};
  for (const auto& word : piece) {
    key += word.letter ? '.' : ' ';
    key += word.text;
    key += static_cast<char>('0' + static_cast<int>(word.pause));
  }
  return key;
}

// On a worker.
std::shared_ptr<const Rendered> render_at(VoiceName voice, int rate, const Piece& piece, RenderCache& cache) {
  const auto key = key_of(voice, rate, piece);
  if (auto kept = cache.find(key)) return kept;
  auto rendered = std::make_shared<Rendered>(render(voice, piece));
  if (rate != native_rate) {
    rendered->samples = audio::resampled(rendered->samples, native_rate, rate);
    for (auto& end : rendered->word_ends)
      end = std::min(end * static_cast<std::size_t>(rate) / native_rate, rendered->samples.size());
  }
  cache.keep(key, rendered);
  return rendered;
}

}  // namespace

class FliteSynthesizer::Stream final : public SpeechStream {
 public:
  Stream(FliteSynthesizer& owner, std::string text, VoiceName voice, int rate)
      : owner_(owner), text_(std::move(text)), voice_(voice), rate_(rate) {
    text_.resize(std::min(text_.size(), max_text_bytes));
  }

  async::Task<Result<std::optional<SpeechChunk>>> next() override {
    if (rate_ != audio::narrowband && rate_ != audio::wideband)
      co_return malformed("unsupported_rate",
                          "speech is made at 8000 or 16000 Hz, not " + std::to_string(rate_));
    if (planned_ && next_piece_ == pieces_.size()) co_return std::nullopt;
    try {
      co_return co_await owner_.workers_.run([this] { return make_next(); });
    } catch (const boost::system::system_error&) {
      throw;  // cancellation
    } catch (const std::exception& error) {
      log::error("speech.flite_failed", {{"error", error.what()}});
      co_return internal("synthesis_failed", "the embedded synthesizer could not render this sentence");
    }
  }

 private:
  // On a worker; nobody else touches the stream while next() is awaited.
  std::optional<SpeechChunk> make_next() {
    if (!planned_) {
      pieces_ = pieces_of(text_);
      planned_ = true;
    }
    if (next_piece_ == pieces_.size()) return std::nullopt;
    const Piece& piece = pieces_[next_piece_++];
    const auto rendered = render_at(voice_, rate_, piece, owner_.cache_);
    SpeechChunk chunk{rendered->samples, {}};
    for (std::size_t i = 0; i < piece.size(); ++i) {
      // An expression of several words ("£45") was said once its last word was.
      const bool last = i + 1 == piece.size() || piece[i + 1].source_end != piece[i].source_end;
      if (last) chunk.words.push_back({piece[i].source_end, samples_given_ + rendered->word_ends[i]});
    }
    samples_given_ += rendered->samples.size();
    return chunk;
  }

  FliteSynthesizer& owner_;
  std::string text_;
  VoiceName voice_;
  int rate_;
  bool planned_ = false;
  std::vector<Piece> pieces_;
  std::size_t next_piece_ = 0, samples_given_ = 0;
};

FliteSynthesizer::FliteSynthesizer(async::WorkerPool& workers, std::size_t cache_bytes)
    : workers_(workers), cache_(cache_bytes) {}

std::unique_ptr<SpeechStream> FliteSynthesizer::say(std::string text, const std::string& voice, int rate) {
  return std::make_unique<Stream>(*this, std::move(text), voice_named(voice).value_or(VoiceName::slt), rate);
}

}  // namespace voxanne::speech::flite

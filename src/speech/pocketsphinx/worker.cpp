#include "speech/pocketsphinx/worker.h"

#include "audio/resampler.h"
#include "speech/pocketsphinx/decoder.h"
#include "speech/pocketsphinx/protocol.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <vector>

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr std::size_t partial_every = std::size_t(audio::wideband) / 4;  // samples
constexpr std::size_t idle_decoders = 4;

class Worker {
 public:
  explicit Worker(int descriptor) : descriptor_(descriptor) {}

  int run() {
    std::vector<char> bytes(max_message + 64);
    for (;;) {
      const ssize_t count = read(descriptor_, bytes.data(), bytes.size());
      if (count == 0) return 0;
      if (count < 0) {
        if (errno == EINTR) continue;
        return 1;
      }
      input_.feed({bytes.data(), std::size_t(count)});
      for (;;) {
        auto message = input_.next();
        if (message.has_error()) return 1;
        if (!*message) break;
        take(**message);
      }
      if (gone_) return 0;
    }
  }

 private:
  struct Stream {
    std::unique_ptr<SphinxDecoder> decoder;
    std::optional<audio::Resampler> resampler;  // narrowband only
    std::size_t since_partial = 0;
    std::string last_partial;
    std::vector<audio::Sample> wide;
  };

  void take(Envelope& message) {
    if (auto* open = std::get_if<OpenStream>(&message.body)) return begin(message.stream, *open);
    const auto found = streams_.find(message.stream);
    if (found == streams_.end()) return;
    Stream& stream = found->second;
    if (auto* audio = std::get_if<Audio>(&message.body)) {
      hear(message.stream, stream, audio->samples);
    } else if (std::holds_alternative<Finish>(message.body)) {
      stream.last_partial.clear();
      answer(message.stream, Final{stream.decoder->finish()});
    } else if (std::holds_alternative<Abandon>(message.body)) {
      stream.last_partial.clear();
      stream.decoder->abandon();
    } else if (std::holds_alternative<Close>(message.body)) {
      stream.decoder->abandon();
      if (idle_.size() < idle_decoders) idle_.push_back(std::move(stream.decoder));
      streams_.erase(found);
    }
  }

  void begin(std::uint32_t id, const OpenStream& open) {
    Stream stream;
    const auto same =
        std::ranges::find(idle_, open.model, [](const auto& decoder) { return decoder->model(); });
    if (same != idle_.end()) {
      stream.decoder = std::move(*same);
      idle_.erase(same);
    } else {
      auto made = SphinxDecoder::open(open.model);
      if (made.has_error()) return answer(id, Failed{made.error().code});
      stream.decoder = std::move(*made);
    }
    if (open.rate != audio::wideband)
      stream.resampler.emplace(open.rate, audio::wideband, audio::Quality::good);
    streams_.insert_or_assign(id, std::move(stream));
  }

  void hear(std::uint32_t id, Stream& stream, std::span<const audio::Sample> samples) {
    if (stream.resampler) {
      stream.wide.clear();
      stream.resampler->process(samples, stream.wide);
      samples = stream.wide;
    }
    stream.decoder->hear(samples);
    stream.since_partial += samples.size();
    if (stream.since_partial < partial_every) return;
    stream.since_partial = 0;
    std::string partial = stream.decoder->partial();
    if (partial.empty() || partial == stream.last_partial) return;
    stream.last_partial = partial;
    answer(id, Partial{std::move(partial)});
  }

  // One packet each: the parent reads them whole.
  template <class Body>
  void answer(std::uint32_t stream, Body body) {
    std::string packet;
    encode(packet, {stream, std::move(body)});
    while (write(descriptor_, packet.data(), packet.size()) < 0) {
      if (errno == EINTR) continue;
      gone_ = true;
      return;
    }
  }

  int descriptor_;
  Decoder input_;
  bool gone_ = false;
  std::map<std::uint32_t, Stream> streams_;
  std::vector<std::unique_ptr<SphinxDecoder>> idle_;
};

}  // namespace

int speech_worker_main(int descriptor) {
  // Ctrl-C at the terminal is the server's to handle; it ends us by closing the socket.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpriority(PRIO_PROCESS, 0, 10);
  return Worker{descriptor}.run();
}

}  // namespace voxanne::speech::pocketsphinx

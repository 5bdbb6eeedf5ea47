#include "speech/pocketsphinx/worker.h"

#include "base/log.h"
#include "speech/pocketsphinx/decoder.h"
#include "speech/pocketsphinx/protocol.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <map>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t partial_every_ms = 240, most_idle_decoders = 6;

std::uint64_t cpu_us() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(used.tv_nsec) / 1'000;
}

// Decoders by the version of their model; a new one costs 15 ms and 6 MB.
class DecoderPool {
 public:
  struct Lease {
    fs::path model;
    std::unique_ptr<Decoder> decoder;
  };

  // The organization's model; the default one when that is missing or refused.
  Result<Lease> take(const OpenStream& open) {
    Error last = not_found("no_recognition_model",
                           "no language model is built: neither the organization's nor the default");
    for (const auto& directory : {open.model, open.fallback}) {
      if (directory.empty()) continue;
      // The version behind `current`, so that a rebuilt model is not confused with the one before.
      std::error_code error;
      const auto version = fs::canonical(fs::path{directory} / "current", error);
      if (error) continue;
      if (const auto kept = idle_.find(version); kept != idle_.end()) {
        Lease lease{version, std::move(kept->second)};
        idle_.erase(kept);
        return lease;
      }
      auto decoder = Decoder::open(version);
      if (decoder) return Lease{version, std::move(*decoder)};
      last = decoder.error();
      log::error("speech.model_refused", {{"code", last.code}, {"error", last.message}});
    }
    return last;
  }

  void give_back(Lease lease) {
    if (idle_.size() >= most_idle_decoders) idle_.erase(idle_.begin());
    idle_.emplace(std::move(lease.model), std::move(lease.decoder));
  }

 private:
  std::multimap<fs::path, std::unique_ptr<Decoder>> idle_;
};

class Worker {
 public:
  explicit Worker(int fd) : fd_(fd) {}

  int serve() {
    std::string received;
    std::array<char, 64 << 10> buffer;
    for (;;) {
      const auto count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return 0;
      received.append(buffer.data(), static_cast<std::size_t>(count));
      std::string_view rest = received;
      for (;;) {
        auto request = decode_request(rest);
        if (!request) {
          log::error("speech.worker_protocol", {{"error", request.error().message}});
          return 2;
        }
        if (!request->has_value()) break;
        std::visit([this](const auto& message) { on(message); }, **request);
        if (!flush()) return 0;
      }
      received.erase(0, received.size() - rest.size());
    }
  }

 private:
  struct Stream {
    DecoderPool::Lease lease;
    std::size_t last_partial_ms = 0;
    std::string last_partial;
  };

  void on(const OpenStream& open) {
    auto lease = decoders_.take(open);
    if (!lease) {
      answer(StreamFailed{open.stream, lease.error().code, lease.error().message});
      return;
    }
    lease->decoder->new_caller(open.rate);
    streams_.insert_or_assign(open.stream, Stream{std::move(*lease), 0, {}});
    answer(StreamOpened{open.stream});
  }

  void on(const AudioOf& audio) {
    const auto found = streams_.find(audio.stream);
    if (found == streams_.end()) return;
    auto& stream = found->second;
    auto& decoder = *stream.lease.decoder;
    const auto before = decoder.heard_ms();
    decoder.write(audio.samples);
    const auto now = decoder.heard_ms();
    audio_ms_ += now > before ? now - before : now;
    if (now < stream.last_partial_ms + partial_every_ms) return;
    stream.last_partial_ms = now;
    auto heard = decoder.partial();
    if (heard.text.empty() || heard.text == stream.last_partial) return;
    stream.last_partial = heard.text;
    answer(Heard{audio.stream, audio.utterance, std::move(heard)});
  }

  void on(const FinishUtterance& finish) {
    const auto found = streams_.find(finish.stream);
    if (found == streams_.end()) return;
    auto heard = found->second.lease.decoder->finish();
    begin_utterance(found->second);
    answer(Heard{finish.stream, finish.utterance, std::move(heard)});
  }

  void on(const AbandonUtterance& abandon) {
    const auto found = streams_.find(abandon.stream);
    if (found == streams_.end()) return;
    found->second.lease.decoder->abandon();
    begin_utterance(found->second);
  }

  void on(const CloseStream& close) {
    const auto found = streams_.find(close.stream);
    if (found == streams_.end()) return;
    found->second.lease.decoder->abandon();
    decoders_.give_back(std::move(found->second.lease));
    streams_.erase(found);
  }

  void on(const Ping& ping) {
    const auto used = cpu_us();
    answer(Pong{ping.number, static_cast<std::uint32_t>(std::exchange(audio_ms_, 0)),
                static_cast<std::uint32_t>((used - std::exchange(cpu_us_, used)) / 1'000)});
  }

  static void begin_utterance(Stream& stream) {
    stream.last_partial_ms = 0;
    stream.last_partial.clear();
  }

  void answer(const Answer& message) { encode(message, outgoing_); }

  bool flush() {
    std::string_view rest = outgoing_;
    while (!rest.empty()) {
      const auto sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    outgoing_.clear();
    return true;
  }

  int fd_;
  DecoderPool decoders_;
  std::map<StreamId, Stream> streams_;
  std::string outgoing_;
  std::size_t audio_ms_ = 0;
  std::uint64_t cpu_us_ = cpu_us();
};

}  // namespace

int speech_worker_main(int fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "speech-worker");
  [[maybe_unused]] const int niceness = ::nice(10);
  if (fd > worker_descriptor) ::close_range(worker_descriptor, static_cast<unsigned>(fd) - 1, 0);
  ::close_range(static_cast<unsigned>(fd) + 1, ~0U, 0);
  return Worker{fd}.serve();
}

}  // namespace voxanne::speech::pocketsphinx

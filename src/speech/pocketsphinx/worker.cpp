#include "speech/pocketsphinx/worker.h"

#include "base/log.h"
#include "speech/pocketsphinx/general_decoders.h"
#include "speech/pocketsphinx/protocol.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <deque>
#include <map>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t partial_every_ms = 120, most_idle_decoders = 6;

std::uint64_t cpu_us() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
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
      if (const auto kept = std::ranges::find(idle_, version, &Lease::model); kept != idle_.end()) {
        Lease lease = std::move(*kept);
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
    if (idle_.size() >= most_idle_decoders) idle_.pop_front();
    idle_.push_back(std::move(lease));
  }

 private:
  std::deque<Lease> idle_;  // the one used last comes last
};

// Share of a core that one who talks costs, measured; of CPU time, since that a machine is busy otherwise
// shows in what waits.
class Cost {
 public:
  explicit Cost(double guess) : share_(guess) {}
  void measured(std::uint64_t us, std::size_t audio_ms) {
    if (audio_ms == 0) return;
    const double now = std::min(2.0, static_cast<double>(us) / 1e3 / static_cast<double>(audio_ms));
    share_ += 0.02 * (now - share_);
  }
  double share() const { return share_; }

 private:
  double share_;
};

class Worker {
 public:
  Worker(int fd, const WorkerLimits& limits) : fd_(fd), limits_(limits), general_(limits.general_callers) {}

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
        unread_ = rest.size();
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
    int rate;
    bool talking = false;
    std::unique_ptr<Decoder> general{};  // hears the utterance as well
    std::size_t last_partial_ms = 0;
  };

  void on(const OpenStream& open) {
    auto lease = decoders_.take(open);
    if (!lease) {
      answer(StreamFailed{open.stream, lease.error().code, lease.error().message});
      return;
    }
    lease->decoder->new_caller(open.rate);
    streams_.insert_or_assign(open.stream, Stream{.lease = std::move(*lease), .rate = open.rate});
    answer(StreamOpened{open.stream});
    prepare_general();
  }

  void on(const AudioOf& audio) {
    const auto found = streams_.find(audio.stream);
    if (found == streams_.end()) return;
    auto& stream = found->second;
    if (!stream.talking) begin_utterance(stream);
    auto& decoder = *stream.lease.decoder;
    const auto before = decoder.heard_ms();
    const auto began = cpu_us();
    decoder.write(audio.samples);
    const auto now = decoder.heard_ms();
    const auto heard_ms = now > before ? now - before : now;
    // Partials that did not change are sent too: words that stay are words.
    if (now >= stream.last_partial_ms + partial_every_ms) {
      stream.last_partial_ms = now;
      if (auto heard = decoder.partial(); !heard.text.empty())
        answer(Heard{audio.stream, audio.utterance, std::move(heard)});
    }
    spent_on_closed(began, heard_ms);
    if (stream.general && is_behind()) drop_general(stream);
    if (!stream.general) return;
    flush();  // nobody waits for general English but the final words
    const auto general_began = cpu_us();
    stream.general->write(audio.samples);
    general_cost_.measured(cpu_us() - general_began, heard_ms);
  }

  void on(const FinishUtterance& finish) {
    const auto found = streams_.find(finish.stream);
    if (found == streams_.end()) return;
    auto& stream = found->second;
    const auto began = cpu_us();
    auto heard = stream.lease.decoder->finish();
    cpu_us_ += cpu_us() - began;
    if (stream.general) heard = surer_of(std::move(heard), *stream.general);
    answer(Heard{finish.stream, finish.utterance, std::move(heard)});
    end_utterance(stream);
  }

  void on(const AbandonUtterance& abandon) {
    const auto found = streams_.find(abandon.stream);
    if (found == streams_.end()) return;
    found->second.lease.decoder->abandon();
    end_utterance(found->second);
  }

  void on(const CloseStream& close) {
    const auto found = streams_.find(close.stream);
    if (found == streams_.end()) return;
    found->second.lease.decoder->abandon();
    end_utterance(found->second);
    decoders_.give_back(std::move(found->second.lease));
    streams_.erase(found);
  }

  void on(const Ping& ping) {
    prepare_general();
    answer(Pong{.number = ping.number,
                .audio_ms = static_cast<std::uint32_t>(std::exchange(audio_ms_, 0)),
                .cpu_ms = static_cast<std::uint32_t>(std::exchange(cpu_us_, 0) / 1'000),
                .general_ready = static_cast<std::uint32_t>(general_.ready()),
                .general_utterances = std::exchange(general_utterances_, 0)});
  }

  void spent_on_closed(std::uint64_t began, std::size_t heard_ms) {
    const auto spent = cpu_us() - began;
    closed_cost_.measured(spent, heard_ms);
    audio_ms_ += heard_ms;
    cpu_us_ += spent;
  }

  void begin_utterance(Stream& stream) {
    stream.talking = true;
    double share = general_cost_.share();
    for (const auto& [id, other] : streams_)
      if (other.talking) share += closed_cost_.share() + (other.general ? general_cost_.share() : 0);
    if (share > limits_.general_share || is_behind()) return;
    stream.general = general_.take(stream.lease.model);
    if (!stream.general) return;
    ++general_utterances_;
    stream.general->take_over(*stream.lease.decoder);
  }

  void end_utterance(Stream& stream) {
    stream.talking = false;
    stream.last_partial_ms = 0;
    drop_general(stream);
  }

  void drop_general(Stream& stream) {
    if (!stream.general) return;
    stream.general->abandon();
    general_.give_back(stream.lease.model, std::move(stream.general));
  }

  // More audio waits than what comes in so much time from those who talk.
  bool is_behind() const {
    std::size_t bytes_per_ms = 0;
    for (const auto& [id, stream] : streams_)
      if (stream.talking)
        bytes_per_ms += static_cast<std::size_t>(stream.rate) * sizeof(audio::Sample) / 1'000;
    int in_socket = 0;
    if (::ioctl(fd_, FIONREAD, &in_socket) != 0) in_socket = 0;
    return unread_ + static_cast<std::size_t>(in_socket) > bytes_per_ms * limits_.general_behind_ms;
  }

  void prepare_general() {
    std::map<fs::path, std::size_t> callers;
    for (const auto& [id, stream] : streams_) ++callers[stream.lease.model];
    general_.prepare(callers);
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
  WorkerLimits limits_;
  DecoderPool decoders_;
  GeneralDecoders general_;
  std::map<StreamId, Stream> streams_;
  std::string outgoing_;
  Cost closed_cost_{0.05}, general_cost_{0.2};
  std::size_t audio_ms_ = 0;
  std::uint64_t cpu_us_ = 0;
  std::size_t unread_ = 0;
  std::uint32_t general_utterances_ = 0;
};

}  // namespace

int speech_worker_main(int fd, const WorkerLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "speech-worker");
  // Whoever stops the server's whole group (a terminal, systemd) has it drain first, with ears.
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::signal(number, SIG_IGN);
  [[maybe_unused]] const int niceness = ::nice(10);
  if (fd > worker_descriptor) ::close_range(worker_descriptor, static_cast<unsigned>(fd) - 1, 0);
  ::close_range(static_cast<unsigned>(fd) + 1, ~0U, 0);
  return Worker{fd, limits}.serve();
}

}  // namespace voxanne::speech::pocketsphinx

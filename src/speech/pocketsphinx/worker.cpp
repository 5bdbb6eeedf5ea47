#include "speech/pocketsphinx/worker.h"

#include "base/log.h"
#include "speech/pocketsphinx/decoder.h"
#include "speech/pocketsphinx/protocol.h"
#include "speech/pocketsphinx/stock_model.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <map>

namespace voxanne::speech::pocketsphinx {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t partial_every_ms = 240, most_idle_decoders = 6;

std::uint64_t us_of(clockid_t clock) {
  timespec used{};
  clock_gettime(clock, &used);
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

// Decoders with general English, at most so many; made one at a time, never while anybody waits.
class GeneralDecoders {
 public:
  explicit GeneralDecoders(unsigned most) : most_(most) {}

  std::unique_ptr<Decoder> take(const fs::path& model) {
    const auto found = idle_.find(model);
    if (found == idle_.end()) return nullptr;
    auto decoder = std::move(found->second);
    idle_.erase(found);
    ++lent_;
    return decoder;
  }
  void give_back(const fs::path& model, std::unique_ptr<Decoder> decoder) {
    --lent_;
    idle_.emplace(model, std::move(decoder));
  }
  // One step towards a decoder for each of these callers, by their models: false when there is nothing
  // to do. Takes up to some tenths of a second. Nothing is lent meanwhile.
  bool prepare(const std::map<fs::path, std::size_t>& callers) {
    if (most_ == 0 || callers.empty()) return false;
    const auto missing = std::ranges::find_if(
        callers, [this](const auto& model) { return idle_.count(model.first) < model.second; });
    if (missing == callers.end()) return false;
    const auto& model = missing->first;
    if (!stock_) {
      auto opened = StockModel::open();
      if (!opened) return give_up(opened.error());
      stock_ = std::move(*opened);
      return true;
    }
    if (idle_.size() >= most_) {
      const auto unused =
          std::ranges::find_if(idle_, [&](const auto& kept) { return !callers.contains(kept.first); });
      if (unused == idle_.end()) return false;
      idle_.erase(unused);
    }
    auto decoder = Decoder::open(model, {}, stock_.get());
    if (!decoder) return give_up(decoder.error());
    idle_.emplace(model, std::move(*decoder));
    return true;
  }
  std::size_t ready() const { return idle_.size() + lent_; }

 private:
  bool give_up(const Error& error) {
    log::error("speech.general_refused", {{"code", error.code}, {"error", error.message}});
    most_ = 0;
    return false;
  }

  std::size_t most_, lent_ = 0;
  std::unique_ptr<StockModel> stock_;
  std::multimap<fs::path, std::unique_ptr<Decoder>> idle_;
};

// Share of a core that one who talks costs, by the clock on the wall: on a busy machine it is more.
class Cost {
 public:
  explicit Cost(double guess) : share_(guess) {}
  void measured(std::uint64_t us, std::size_t audio_ms) {
    if (audio_ms == 0) return;
    const double now = std::min(4.0, static_cast<double>(us) / 1e3 / static_cast<double>(audio_ms));
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
      while (is_idle() && prepare_general()) {
      }
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
    std::unique_ptr<Decoder> general{};  // while it has the utterance
    bool wideband = false;
    bool talking = false;
    std::size_t last_partial_ms = 0;
    std::string last_partial{};

    Decoder& decoder() { return general ? *general : *lease.decoder; }
  };

  void on(const OpenStream& open) {
    auto lease = decoders_.take(open);
    if (!lease) {
      answer(StreamFailed{open.stream, lease.error().code, lease.error().message});
      return;
    }
    lease->decoder->new_caller(open.rate);
    streams_.insert_or_assign(open.stream,
                              Stream{.lease = std::move(*lease), .wideband = open.rate == audio::wideband});
    answer(StreamOpened{open.stream});
  }

  void on(const AudioOf& audio) {
    const auto found = streams_.find(audio.stream);
    if (found == streams_.end()) return;
    auto& stream = found->second;
    if (!stream.talking) begin_utterance(stream);
    auto& decoder = stream.decoder();
    const auto cpu = us_of(CLOCK_PROCESS_CPUTIME_ID), wall = us_of(CLOCK_MONOTONIC);
    const auto before = decoder.heard_ms();
    decoder.write(audio.samples);
    const auto now = decoder.heard_ms();
    const auto heard_ms = now > before ? now - before : now;
    (stream.general ? general_cost_ : closed_cost_).measured(us_of(CLOCK_MONOTONIC) - wall, heard_ms);
    if (!stream.general) {
      audio_ms_ += heard_ms;
      cpu_us_ += us_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    }
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
    auto& stream = found->second;
    const auto cpu = us_of(CLOCK_PROCESS_CPUTIME_ID);
    auto heard =
        stream.general ? stream.general->finish_with(*stream.lease.decoder) : stream.lease.decoder->finish();
    if (!stream.general) cpu_us_ += us_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    end_utterance(stream);
    answer(Heard{finish.stream, finish.utterance, std::move(heard)});
  }

  void on(const AbandonUtterance& abandon) {
    const auto found = streams_.find(abandon.stream);
    if (found == streams_.end()) return;
    found->second.decoder().abandon();
    end_utterance(found->second);
  }

  void on(const CloseStream& close) {
    const auto found = streams_.find(close.stream);
    if (found == streams_.end()) return;
    found->second.decoder().abandon();
    end_utterance(found->second);
    decoders_.give_back(std::move(found->second.lease));
    streams_.erase(found);
  }

  void on(const Ping& ping) {
    answer(Pong{.number = ping.number,
                .audio_ms = static_cast<std::uint32_t>(std::exchange(audio_ms_, 0)),
                .cpu_ms = static_cast<std::uint32_t>(std::exchange(cpu_us_, 0) / 1'000),
                .general_ready = static_cast<std::uint32_t>(general_.ready()),
                .general_utterances = std::exchange(general_utterances_, 0)});
  }

  void begin_utterance(Stream& stream) {
    double talking = general_cost_.share();  // this one, if it is given general English
    for (const auto& [id, other] : streams_)
      if (other.talking) talking += (other.general ? general_cost_ : closed_cost_).share();
    stream.talking = true;
    // Measured: at 8 kHz general English costs more errors than it mends.
    if (!stream.wideband || talking > limits_.general_share) return;
    stream.general = general_.take(stream.lease.model);
    if (!stream.general) return;
    ++general_utterances_;
    stream.general->take_over(*stream.lease.decoder);
  }

  void end_utterance(Stream& stream) {
    stream.talking = false;
    if (stream.general) general_.give_back(stream.lease.model, std::move(stream.general));
    stream.last_partial_ms = 0;
    stream.last_partial.clear();
    // What no utterance was given to recovers: a measure of a moment's load must not last.
    if (general_cost_.share() > limits_.general_share) general_cost_.measured(0, 1);
  }

  // Nobody talks and nothing waits to be read.
  bool is_idle() const {
    for (const auto& [id, stream] : streams_)
      if (stream.talking) return false;
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 0;
  }

  bool prepare_general() {
    std::map<fs::path, std::size_t> callers;
    for (const auto& [id, stream] : streams_)
      if (stream.wideband) ++callers[stream.lease.model];
    return general_.prepare(callers);
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
  std::uint32_t general_utterances_ = 0;
};

}  // namespace

int speech_worker_main(int fd, const WorkerLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "speech-worker");
  [[maybe_unused]] const int niceness = ::nice(10);
  if (fd > worker_descriptor) ::close_range(worker_descriptor, static_cast<unsigned>(fd) - 1, 0);
  ::close_range(static_cast<unsigned>(fd) + 1, ~0U, 0);
  return Worker{fd, limits}.serve();
}

}  // namespace voxanne::speech::pocketsphinx

// `voxanne loadtest`: so many real calls at a time, with audio, over SIP or WebSocket; what they were served
// like, and how many the machine could serve.
#include "app/caller/load.h"
#include "app/commands/calling.h"
#include "app/commands/command.h"
#include "async/thread.h"
#include "async/worker_pool.h"
#include "audio/resampler.h"
#include "audio/wav.h"
#include "net/http_client.h"
#include "speech/flite/synthesizer.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>

namespace voxanne::app {
namespace {

struct Options {
  std::string to = "sip:demo@127.0.0.1:5060", token, api = "http://127.0.0.1:3001", audio, codec;
  int calls = 50;
  double rate = 20, duration = 20;
  bool find_capacity = false, json = false;
};

// What "served well" means: turns that wait longer are heard as a pause, losses as clicks.
constexpr double worst_tick_lag_ms = 5, worst_loss = 0.001;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, std::size_t(q * double(values.size())))];
}

// What the server says of itself at /metrics; nothing where it may not be asked.
struct ServerFigures {
  double cpu_seconds = 0, tick_lag_p99 = 0, capacity = 0;
};

std::optional<ServerFigures> ask_server(async::LoopThread& loop, const Options& options) {
  auto ask = [](async::Executor executor, std::string url,
                std::string token) -> async::Task<Result<net::HttpClient::Response>> {
    net::HttpClient client{executor, {}};
    net::HttpClient::Request request{.url = url + "/metrics", .timeout = 5s};
    if (!token.empty()) request.headers.set("Authorization", "Bearer " + token);
    co_return co_await client.send(std::move(request));
  };
  const auto answer = async::run_on(loop.executor(), ask(loop.executor(), options.api, options.token));
  if (!answer || answer->status != 200) return std::nullopt;
  ServerFigures figures;
  std::string_view text = answer->body;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto space = line.rfind(' ');
    if (line.starts_with('#') || space == line.npos) continue;
    double value = 0;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    if (line.starts_with("process_cpu_seconds_total"))
      figures.cpu_seconds = value;
    else if (line.starts_with("voxanne_media_tick_lag_p99_seconds"))
      figures.tick_lag_p99 = std::max(figures.tick_lag_p99, value);
    else if (line.starts_with("voxanne_calls_capacity"))
      figures.capacity = value;
  }
  return figures;
}

// One round of calls, and what was seen meanwhile.
struct Round {
  LoadTally tally;
  double seconds = 0, own_cores = 0;
  std::optional<double> server_cores, tick_lag_ms, capacity;

  double loss() const {
    const double all = double(tally.media.received + tally.media.lost);
    return all > 0 ? double(tally.media.lost) / all : 0;
  }
  bool well_served() const {
    return tally.answered == tally.placed && tally.broken == 0 && loss() <= worst_loss &&
           tick_lag_ms.value_or(0) < worst_tick_lag_ms;
  }
};

Round run(const Options& options, int calls, const LoadClips& clips, async::LoopThread& loop) {
  Round round;
  const auto before = ask_server(loop, options);
  const double own = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  round.tally = place_load({.to = options.to,
                            .token = options.token,
                            .calls = calls,
                            .per_second = options.rate,
                            .talk = milliseconds{int(options.duration * 1'000)},
                            .clips = clips,
                            .sip = [&] { return caller_options(options.to, options.codec); }});
  round.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  round.own_cores = (cpu_seconds() - own) / round.seconds;
  if (const auto after = ask_server(loop, options); after && before) {
    round.server_cores = (after->cpu_seconds - before->cpu_seconds) / round.seconds;
    round.tick_lag_ms = after->tick_lag_p99 * 1e3;
    round.capacity = after->capacity;
  }
  return round;
}

void print(const Round& round, bool web) {
  const LoadTally& tally = round.tally;
  std::printf("calls         %d placed, %d answered, %d refused, %d broken off\n", tally.placed,
              tally.answered, tally.placed - tally.answered, tally.broken);
  for (const auto& [why, count] : tally.refused) std::printf("              %d × %s\n", count, why.c_str());
  std::printf("set-up        p50 %.0f ms, p95 %.0f ms, p99 %.0f ms\n", quantile(tally.set_up_ms, 0.5),
              quantile(tally.set_up_ms, 0.95), quantile(tally.set_up_ms, 0.99));
  std::printf(
      "turn latency  p50 %.0f ms, p95 %.0f ms, p99 %.0f ms over %zu turns (end of speech to the answer's "
      "first sound)\n",
      quantile(tally.answer_ms, 0.5), quantile(tally.answer_ms, 0.95), quantile(tally.answer_ms, 0.99),
      tally.answer_ms.size());
  if (web)
    std::printf("audio         %llu frames heard, %llu slots without one; jitter p50 %.2f ms, p99 %.2f ms\n",
                static_cast<unsigned long long>(tally.media.received),
                static_cast<unsigned long long>(tally.media.concealed), quantile(tally.jitter_ms, 0.5),
                quantile(tally.jitter_ms, 0.99));
  else
    std::printf(
        "audio         %llu packets heard, %llu lost (%.3f %%), %llu late; jitter p50 %.2f ms, p99 %.2f ms\n",
        static_cast<unsigned long long>(tally.media.received),
        static_cast<unsigned long long>(tally.media.lost), round.loss() * 100,
        static_cast<unsigned long long>(tally.media.late), quantile(tally.jitter_ms, 0.5),
        quantile(tally.jitter_ms, 0.99));
  std::printf("callers' CPU  %.2f cores\n", round.own_cores);
  if (!round.server_cores) {
    std::printf(
        "server        its /metrics cannot be read (--api, --token): neither CPU nor capacity is known\n");
    return;
  }
  std::printf("server's CPU  %.2f cores without its speech workers; tick lag p99 %.2f ms\n",
              *round.server_cores, *round.tick_lag_ms);
  std::printf("capacity      %.0f calls at a time as it is set up", *round.capacity);
  if (const double busy = tally.talked_seconds / round.seconds; busy > 0 && *round.server_cores > 0)
    std::printf("; one call costs %.4f core, so a core carries about %.0f", *round.server_cores / busy,
                0.8 * busy / *round.server_cores);
  std::printf("\n");
}

void print_json(const Round& round) {
  const LoadTally& tally = round.tally;
  const auto or_null = [](std::optional<double> value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4f", value.value_or(0));
    return value ? std::string{text} : std::string{"null"};
  };
  std::printf(
      R"({"placed":%d,"answered":%d,"brokenOff":%d,"setUpMs":{"p50":%.1f,"p99":%.1f},)"
      R"("turnMs":{"count":%zu,"p50":%.1f,"p95":%.1f,"p99":%.1f},"packets":%llu,"lost":%llu,"late":%llu,)"
      R"("jitterMs":{"p50":%.3f,"p99":%.3f},"callerCores":%.3f,"serverCores":%s,"tickLagP99Ms":%s,)"
      R"("capacity":%s,"wellServed":%s})"
      "\n",
      tally.placed, tally.answered, tally.broken, quantile(tally.set_up_ms, 0.5),
      quantile(tally.set_up_ms, 0.99), tally.answer_ms.size(), quantile(tally.answer_ms, 0.5),
      quantile(tally.answer_ms, 0.95), quantile(tally.answer_ms, 0.99),
      static_cast<unsigned long long>(tally.media.received),
      static_cast<unsigned long long>(tally.media.lost), static_cast<unsigned long long>(tally.media.late),
      quantile(tally.jitter_ms, 0.5), quantile(tally.jitter_ms, 0.99), round.own_cores,
      or_null(round.server_cores).c_str(), or_null(round.tick_lag_ms).c_str(),
      or_null(round.capacity).c_str(), round.well_served() ? "true" : "false");
}

Result<LoadClips> clips_of(const Options& options) {
  std::vector<audio::Sample> samples;
  int rate = audio::wideband;
  if (!options.audio.empty()) {
    auto file = audio::read_wav_file(options.audio);
    if (file.has_error())
      return malformed(file.error().code, "--audio " + options.audio + ": " + file.error().message);
    samples = std::move(file->samples);
    rate = file->rate;
  } else {
    async::LoopThread loop{"voice"};
    async::WorkerPool workers{"voice", 1};
    speech::flite::FliteSynthesizer synthesizer{workers};
    auto spoken = async::run_on(loop.executor(), speak(synthesizer, "What are your opening hours?"));
    workers.stop();
    if (spoken.has_error()) return spoken.error();
    samples = std::move(*spoken);
  }
  const auto at = [&](int wanted) {
    return std::make_shared<const Script::Clip>(rate == wanted ? samples
                                                               : audio::resampled(samples, rate, wanted));
  };
  return LoadClips{.narrowband = at(audio::narrowband), .wideband = at(audio::wideband)};
}

void loadtest(CommandLine& line, const Options& options) {
  log::init(log::Level::error, log::Format::text);
  const bool web = options.to.starts_with("ws://") || options.to.starts_with("wss://");
  if (!web && !options.to.starts_with("sip:"))
    return line.fail(
        malformed("bad_usage",
                  "--to: allowed are sip:USER@HOST[:PORT] and ws://HOST[:PORT]/ws/web-call?assistantId=ID"));
  if (!web)
    if (const auto usable = caller_options(options.to, options.codec); usable.has_error())
      return line.fail(usable.error());
  const auto clips = clips_of(options);
  if (clips.has_error()) return line.fail(clips.error());

  async::LoopThread loop{"metrics"};
  int most = 0;
  for (int calls = options.calls;; calls += std::max(1, calls / 2)) {
    const Round round = run(options, calls, *clips, loop);
    if (options.json)
      print_json(round);
    else
      print(round, web);
    std::fflush(stdout);
    if (!options.find_capacity) {
      if (round.tally.answered == round.tally.placed && round.tally.broken == 0) return;
      return line.fail(unavailable("calls_failed", "not every call was answered and served to its end"));
    }
    if (!round.well_served()) break;
    most = calls;
  }
  if (!options.json) std::printf("found         %d calls at a time were served well\n", most);
  if (most == 0) line.fail(unavailable("calls_failed", "not even the first round was served well"));
}

}  // namespace

void add_loadtest(CommandLine& line) {
  auto options = std::make_shared<Options>();
  auto* command = line.parser.add_subcommand(
      "loadtest", "place many calls with audio at a time; print how they were served, and the capacity");
  command
      ->add_option("--to", options->to, "sip:USER@HOST[:PORT] or ws://HOST[:PORT]/ws/web-call?assistantId=ID")
      ->capture_default_str();
  command->add_option("--calls", options->calls, "calls at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 5'000));
  command->add_option("--rate", options->rate, "new calls a second")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 90.0));
  command->add_option("--duration", options->duration, "seconds that each call lasts")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 3'600.0));
  command->add_option("--audio", options->audio, "a WAV file (PCM16, mono) to say instead of a question");
  command->add_option("--codec", options->codec, "the only codec that SIP calls offer; all by default")
      ->check(CLI::IsMember(codec_names()));
  command->add_option("--token", options->token, "for the server's WebSocket and /metrics");
  command->add_option("--api", options->api, "where the server's /metrics are asked for")
      ->capture_default_str();
  command->add_flag("--find-capacity", options->find_capacity,
                    "go on with half as many calls again until they are not served well");
  command->add_flag("--json", options->json, "print a line of JSON for each round");
  command->callback([&line, options] { loadtest(line, *options); });
}

}  // namespace voxanne::app

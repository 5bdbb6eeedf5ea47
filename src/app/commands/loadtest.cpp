// `voxanne loadtest`: so many real calls at a time, with audio, over SIP or WebSocket; what they were served
// like, and how many the machine could serve.
#include "app/caller/load.h"
#include "app/caller/server_figures.h"
#include "app/commands/calling.h"
#include "app/commands/command.h"
#include "async/thread.h"
#include "async/worker_pool.h"
#include "audio/resampler.h"
#include "audio/wav.h"
#include "net/http_client.h"
#include "speech/flite/synthesizer.h"

#include <boost/json.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
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

// What "served well" means. Who waits longer for an answer says "hello?"; losses are heard as clicks. By
// WebSocket nothing is lost: there a slot counts for which nothing had come in time, by callers' clocks that
// are no better than this machine's.
constexpr double worst_turn_ms = 2'000, worst_unanswered = 0.02, worst_loss = 0.001, worst_gaps = 0.01,
                 worst_tick_lag_ms = 5;
constexpr int finest_step = 8;  // how many calls more or less are still looked for: an eighth

bool is_web(const Options& options) {
  return options.to.starts_with("ws://") || options.to.starts_with("wss://");
}

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

// Nothing where it may not be asked.
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
  return server_figures(answer->body);
}

// One round of calls, and what was seen meanwhile.
struct Round {
  LoadTally tally{};
  bool web = false;
  double seconds = 0, own_cores = 0;
  // The server's, where it may be asked.
  struct Server {
    double cores = 0, tick_lag_ms = 0, capacity = 0, understood = 0, turned_away = 0;
  };
  std::optional<Server> server{};

  double loss() const {
    const double gone = double(web ? tally.media.concealed : tally.media.lost);
    const double all = double(tally.media.received) + gone;
    return all > 0 ? gone / all : 0;
  }
  double unanswered() const {
    const double asked = double(tally.answer_ms.size()) + tally.unanswered;
    return asked > 0 ? tally.unanswered / asked : 0;
  }
  double turn_ms(double q) const { return quantile(tally.answer_ms, q); }
  // Empty: they were served well.
  std::string complaint() const {
    if (tally.answered < tally.placed)
      return std::to_string(tally.placed - tally.answered) + " were refused or not answered";
    if (tally.broken > 0) return std::to_string(tally.broken) + " broke off";
    if (loss() > (web ? worst_gaps : worst_loss)) return "audio was lost or late";
    if (unanswered() > worst_unanswered)
      return std::to_string(tally.unanswered) + " questions were not answered";
    if (turn_ms(0.95) > worst_turn_ms) return "answers came late";
    if (server && server->turned_away > 0)
      return "for " + std::to_string(int(server->turned_away)) + " there was no room in recognition";
    if (server && server->tick_lag_ms > worst_tick_lag_ms) return "ticks that pace calls were late";
    return {};
  }
};

Round run(const Options& options, int calls, const LoadClips& clips, async::LoopThread& loop) {
  Round round{.web = is_web(options)};
  const auto before = ask_server(loop, options);
  const double own = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  round.tally = place_load({.to = options.to,
                            .token = options.token,
                            .calls = calls,
                            .per_second = options.rate,
                            .together = milliseconds{int(options.duration * 1'000)},
                            .clips = clips,
                            .sip = [&] { return caller_options(options.to, options.codec); }});
  round.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  round.own_cores = (cpu_seconds() - own) / round.seconds;
  if (const auto after = ask_server(loop, options); after && before)
    round.server = {.cores = (after->cpu_seconds - before->cpu_seconds) / round.seconds,
                    .tick_lag_ms = tick_lag(*before, *after, 0.99) * 1e3,
                    .capacity = after->capacity,
                    .understood = after->understood,
                    .turned_away = after->turned_away - before->turned_away};
  return round;
}

void print(const Round& round) {
  const LoadTally& tally = round.tally;
  std::printf("calls         %d placed, %d answered, %d refused, %d broken off\n", tally.placed,
              tally.answered, tally.placed - tally.answered, tally.broken);
  for (const auto& [why, count] : tally.refused) std::printf("              %d × %s\n", count, why.c_str());
  std::printf("set-up        p50 %.0f ms, p95 %.0f ms, p99 %.0f ms\n", quantile(tally.set_up_ms, 0.5),
              quantile(tally.set_up_ms, 0.95), quantile(tally.set_up_ms, 0.99));
  std::printf(
      "turn latency  p50 %.0f ms, p95 %.0f ms, p99 %.0f ms over %zu turns (end of speech to the answer's "
      "first sound), %d unanswered\n",
      round.turn_ms(0.5), round.turn_ms(0.95), round.turn_ms(0.99), tally.answer_ms.size(), tally.unanswered);
  if (round.web)
    std::printf(
        "audio         %llu frames heard, %llu slots without one (%.3f %%); jitter p50 %.2f ms, p99 %.2f "
        "ms\n",
        static_cast<unsigned long long>(tally.media.received),
        static_cast<unsigned long long>(tally.media.concealed), round.loss() * 100,
        quantile(tally.jitter_ms, 0.5), quantile(tally.jitter_ms, 0.99));
  else
    std::printf(
        "audio         %llu packets heard, %llu lost (%.3f %%), %llu late; jitter p50 %.2f ms, p99 %.2f ms\n",
        static_cast<unsigned long long>(tally.media.received),
        static_cast<unsigned long long>(tally.media.lost), round.loss() * 100,
        static_cast<unsigned long long>(tally.media.late), quantile(tally.jitter_ms, 0.5),
        quantile(tally.jitter_ms, 0.99));
  std::printf("callers' CPU  %.2f cores\n", round.own_cores);
  if (!round.server) {
    std::printf(
        "server        its /metrics cannot be read (--api, --token): neither CPU nor capacity is known\n");
    return;
  }
  const auto& server = *round.server;
  std::printf("server's CPU  %.2f cores without its speech workers; tick lag p99 %.2f ms\n", server.cores,
              server.tick_lag_ms);
  if (server.understood > 0)
    std::printf("recognition   has room for %.0f; %.0f were guided by keys for want of it\n",
                server.understood, server.turned_away);
  std::printf("capacity      %.0f calls at a time as it is set up", server.capacity);
  if (const double busy = tally.talked_seconds / round.seconds; busy > 0 && server.cores > 0)
    std::printf("; one call costs %.4f core, so a core carries about %.0f", server.cores / busy,
                0.8 * busy / server.cores);
  std::printf("\n");
}

void print_json(const Round& round) {
  namespace json = boost::json;
  const LoadTally& tally = round.tally;
  const std::string complaint = round.complaint();
  json::object refused;
  for (const auto& [why, count] : tally.refused) refused[why] = count;
  json::object out{
      {"placed", tally.placed},
      {"answered", tally.answered},
      {"refused", std::move(refused)},
      {"brokenOff", tally.broken},
      {"talkedSeconds", tally.talked_seconds},
      {"setUpMs", {{"p50", quantile(tally.set_up_ms, 0.5)}, {"p99", quantile(tally.set_up_ms, 0.99)}}},
      {"turnMs",
       {{"count", tally.answer_ms.size()},
        {"unanswered", tally.unanswered},
        {"p50", round.turn_ms(0.5)},
        {"p95", round.turn_ms(0.95)},
        {"p99", round.turn_ms(0.99)}}},
      {"packets", tally.media.received},
      {"lost", tally.media.lost},
      {"late", tally.media.late},
      {"concealed", tally.media.concealed},
      {"jitterMs", {{"p50", quantile(tally.jitter_ms, 0.5)}, {"p99", quantile(tally.jitter_ms, 0.99)}}},
      {"callerCores", round.own_cores},
      {"serverCores", nullptr},
      {"tickLagP99Ms", nullptr},
      {"capacity", nullptr},
      {"wellServed", complaint.empty()},
      {"complaint", complaint}};
  if (round.server) {
    out["serverCores"] = round.server->cores;
    // JSON has no number for "over a second".
    if (std::isfinite(round.server->tick_lag_ms)) out["tickLagP99Ms"] = round.server->tick_lag_ms;
    out["capacity"] = round.server->capacity;
    out["recognitionCapacity"] = round.server->understood;
    out["recognitionTurnedAway"] = round.server->turned_away;
  }
  std::printf("%s\n", json::serialize(out).c_str());
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

Round observed(const Options& options, int calls, const LoadClips& clips, async::LoopThread& loop) {
  Round round = run(options, calls, clips, loop);
  if (options.json)
    print_json(round);
  else
    print(round);
  std::fflush(stdout);
  return round;
}

// Half as many calls again until some are not served well, then what lies between.
void find_capacity(CommandLine& line, const Options& options, const LoadClips& clips,
                   async::LoopThread& loop) {
  const auto server = ask_server(loop, options);
  if (!server)
    return line.fail(
        unavailable("metrics_unreadable", "--find-capacity judges by the server's " + options.api +
                                              "/metrics, which cannot be read: see --api and --token"));
  const int limit = int(server->capacity);
  int well = 0, badly = limit + 1;
  std::string why = "it is set up for no more (MAX_CALLS)";
  for (int calls = std::min(options.calls, limit);
       badly > limit || badly - well > std::max(1, well / finest_step);
       calls = badly > limit ? std::min(well + std::max(1, well / 2), limit) : (well + badly) / 2) {
    const auto complaint = observed(options, calls, clips, loop).complaint();
    if (complaint.empty()) {
      well = calls;
      if (well == limit) break;
    } else {
      badly = calls;
      why = "with " + std::to_string(calls) + " " + complaint;
    }
  }
  if (!options.json)
    std::printf("found         %d calls at a time were served well; %s\n", well, why.c_str());
  if (well == 0) line.fail(unavailable("calls_failed", "not even one call was served well: " + why));
}

void loadtest(CommandLine& line, const Options& options) {
  log::init(log::Level::error, log::Format::text);
  if (!is_web(options) && !options.to.starts_with("sip:"))
    return line.fail(
        malformed("bad_usage",
                  "--to: allowed are sip:USER@HOST[:PORT] and ws://HOST[:PORT]/ws/web-call?assistantId=ID"));
  if (!is_web(options))
    if (const auto usable = caller_options(options.to, options.codec); usable.has_error())
      return line.fail(usable.error());
  const auto clips = clips_of(options);
  if (clips.has_error()) return line.fail(clips.error());

  async::LoopThread loop{"metrics"};
  if (options.find_capacity) return find_capacity(line, options, *clips, loop);
  const Round round = observed(options, options.calls, *clips, loop);
  if (round.tally.answered < round.tally.placed || round.tally.broken > 0)
    line.fail(unavailable("calls_failed", "not every call was answered and served to its end"));
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
  command->add_option("--duration", options->duration, "seconds for which all calls talk at a time")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 3'600.0));
  command->add_option("--audio", options->audio, "a WAV file (PCM16, mono) to say instead of a question");
  command->add_option("--codec", options->codec, "the only codec that SIP calls offer; all by default")
      ->check(CLI::IsMember(codec_names()));
  command->add_option("--token", options->token, "for the server's WebSocket and /metrics");
  command->add_option("--api", options->api, "where the server's /metrics are asked for")
      ->capture_default_str();
  command->add_flag("--find-capacity", options->find_capacity,
                    "go on with more calls until they are not served well; says how many were");
  command->add_flag("--json", options->json, "print a line of JSON for each round");
  command->callback([&line, options] { loadtest(line, *options); });
}

}  // namespace voxanne::app

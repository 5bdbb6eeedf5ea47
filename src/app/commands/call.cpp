// `voxanne call`: a caller from the command line, for tests and operators alike. Plays files as the
// caller's voice, one per turn, saves what it heard, prints the transcript.
#include "app/caller/live_transcript.h"
#include "app/caller/sip_caller.h"
#include "app/caller/web_caller.h"
#include "app/commands/calling.h"
#include "app/commands/command.h"
#include "async/thread.h"
#include "audio/resampler.h"
#include "audio/wav.h"
#include "telephony/sip/gateway.h"

#include <algorithm>
#include <iostream>
#include <optional>

namespace voxanne::app {
namespace {

struct Options {
  std::string to, token, api = "http://127.0.0.1:3001";
  std::vector<std::string> audio;
  std::string save;
  std::string codec;  // empty: all, wideband preferred
  double limit = 120, pause = 0.9, interrupt_after = 0;
};

Result<std::vector<audio::Wav>> read_clips(const Options& options) {
  std::vector<audio::Wav> clips;
  for (const std::string& file : options.audio) {
    auto clip = audio::read_wav_file(file);
    if (clip.has_error())
      return malformed(clip.error().code, "--audio " + file + ": " + clip.error().message);
    clips.push_back(std::move(*clip));
  }
  return clips;
}

std::unique_ptr<Script> script_at(const std::vector<audio::Wav>& clips, int rate, const Options& options) {
  std::vector<Script::Clip> out;
  for (const audio::Wav& clip : clips)
    out.push_back(clip.rate == rate ? clip.samples : audio::resampled(clip.samples, clip.rate, rate));
  return std::make_unique<Script>(
      std::move(out), rate,
      Script::Options{.interrupt_after = milliseconds{int(options.interrupt_after * 1'000)},
                      .pause = milliseconds{int(options.pause * 1'000)},
                      .limit = milliseconds{int(options.limit * 1'000)}});
}

milliseconds ringing(const Options& options) {
  return milliseconds{int(std::min(45.0, options.limit) * 1'000)};
}

void print(const TranscriptLine& line) {
  std::cout << line.speaker << ": " << line.text << '\n' << std::flush;
}

// What was heard is worth having, however the call ended.
struct Called {
  std::unique_ptr<Script> script;
  std::optional<Error> broken;
};

Result<Called> call_web(const Options& options, const std::vector<audio::Wav>& clips) {
  media::Shard shard{"caller"};  // in real time: a caller whose frames come late is not understood
  async::SystemClock clock;
  auto script = script_at(clips, audio::wideband, options);
  auto outcome = async::run_on(
      shard.executor(), call_over_web(clock, options.to, options.token, *script, print, ringing(options)));
  if (outcome.has_error()) return outcome.error();
  std::cerr << "call " << outcome->call_id << " ended"
            << (outcome->ended.empty() ? "" : ": " + outcome->ended) << '\n';
  return Called{std::move(script), outcome->broken};
}

Result<Called> call_sip(const Options& options, const std::vector<audio::Wav>& clips) {
  namespace sip = telephony::sip;
  async::SystemClock clock;
  media::Shard shard{"caller"};
  sip::SipThread thread;
  auto setup = caller_options(options.to, options.codec);
  if (setup.has_error()) return setup.error();
  sip::Gateway gateway{thread, clock, std::move(*setup), {}};
  if (auto started = gateway.start(); started.has_error()) return started.error();
  async::LoopThread loop{"transcript"};
  async::TaskGroup tasks{loop.executor(), "transcript"};
  // Unique, so that the call is known among the server's live events by who called.
  const std::string name = "caller-" + make_ulid();
  LiveTranscript live{tasks, clock, name, print};
  const auto shown = async::run_on(loop.executor(), live.connect(options.api, options.token));
  auto call = async::run_on(
      shard.executor(),
      call_over_sip(
          clock, shard, gateway,
          {.to = options.to, .from_number = name, .from_name = {}, .ring_timeout = ringing(options)},
          [&](int rate) -> std::unique_ptr<Talker> { return script_at(clips, rate, options); }));
  gateway.stop();
  shard.stop();
  if (shown) async::run_on(loop.executor(), live.finish(async::Deadline::after(clock, 5s)));
  async::run_on(loop.executor(), tasks.stop());
  if (call.has_error()) return call.error();
  if (shown.has_error())
    std::cerr << "voxanne: no transcript: " << shown.error().message
              << " (--api and --token say where to ask)\n";
  return Called{std::unique_ptr<Script>{static_cast<Script*>(call->talker.release())}, call->outcome.broken};
}

void call(CommandLine& line, const Options& options) {
  log::init(log::Level::error, log::Format::text);
  const auto clips = read_clips(options);
  if (clips.has_error()) return line.fail(clips.error());
  const bool web = options.to.starts_with("ws://") || options.to.starts_with("wss://");
  if (!web && !options.to.starts_with("sip:"))
    return line.fail(malformed(
        "bad_usage",
        "--to: allowed are sip:USER@HOST[:PORT] and ws[s]://HOST[:PORT]/ws/web-call?assistantId=ID"));
  const auto called = web ? call_web(options, *clips) : call_sip(options, *clips);
  if (called.has_error()) return line.fail(called.error());
  if (called->broken) line.fail(*called->broken);
  if (options.save.empty()) return;
  const Script& script = *called->script;
  if (auto saved = audio::write_wav_file(options.save, script.rate(), 1, script.heard()); saved.has_error())
    line.fail(saved.error());
}

}  // namespace

void add_call(CommandLine& line) {
  auto options = std::make_shared<Options>();
  auto* command = line.parser.add_subcommand(
      "call", "call somebody, play files as the caller's voice, save what was heard");
  command
      ->add_option("--to", options->to,
                   "sip:USER@HOST[:PORT] or ws[s]://HOST[:PORT]/ws/web-call?assistantId=ID")
      ->required();
  command
      ->add_option("--audio", options->audio,
                   "a WAV file (PCM16, mono) to say; several are said one per turn")
      ->required();
  command->add_option("--save", options->save, "where to write what was heard, as WAV");
  command->add_option("--token", options->token, "for the server's API and WebSocket");
  command->add_option("--api", options->api, "where a SIP call's transcript is asked for")
      ->capture_default_str();
  command
      ->add_option("--codec", options->codec,
                   "the only codec a SIP call offers: g722 (16 kHz), pcmu or pcma (8 kHz); all by default")
      ->check(CLI::IsMember(codec_names()));
  command
      ->add_option("--interrupt-after", options->interrupt_after,
                   "from the second file on: speak over the far end, so many seconds after it began")
      ->check(CLI::Range(0.0, 60.0));
  command
      ->add_option("--limit", options->limit,
                   "seconds after which the call is ended, or given up where nobody answers")
      ->check(CLI::Range(1.0, 86'400.0))
      ->capture_default_str();
  command->add_option("--pause", options->pause, "seconds of silence before a turn is taken")
      ->capture_default_str();
  command->callback([&line, options] { call(line, *options); });
}

}  // namespace voxanne::app

// `voxanne demo`: a server of its own on free loopback ports with the demo organization, and a
// synthetic caller who rings it; the conversation is printed as it is spoken. Touches nothing of a
// server that runs already.
#include "store/demo.h"
#include "app/caller/web_caller.h"
#include "app/commands/calling.h"
#include "app/commands/command.h"
#include "app/server/server.h"
#include "async/thread.h"
#include "async/worker_pool.h"
#include "speech/flite/synthesizer.h"

#include <stdlib.h>

#include <iostream>

namespace voxanne::app {
namespace {

constexpr std::string_view questions[] = {"What are your opening hours?", "How much is a check up?",
                                          "Where can I park?", "Thank you, goodbye."};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "voxanne-demo-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot create a directory in " + name);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void demo(CommandLine& line) {
  const TemporaryDirectory directory;
  Config config;
  config.environment = Environment::development;
  config.host = "127.0.0.1";
  config.port = 0;
  config.data_dir = directory.path();
  config.log_level = log::Level::error;
  config.drain_seconds = 10;
  log::init(config.log_level, log::Format::text);
  Server server{config, line.program};
  if (const auto started = server.start(); started.has_error()) return line.fail(started.error());
  if (!server.wait_until_hearing(seconds{30}))
    std::cerr << "voxanne: recognition is not up; the assistant guides by keys\n";

  async::LoopThread loop{"demo"};
  async::WorkerPool workers{"demo-voice", 1};
  async::SystemClock clock;
  speech::flite::FliteSynthesizer synthesizer{workers};
  std::vector<Script::Clip> clips;
  for (const std::string_view question : questions) {
    auto clip = async::run_on(loop.executor(), speak(synthesizer, std::string{question}));
    if (clip.has_error()) return line.fail(clip.error());
    clips.push_back(std::move(*clip));
  }

  std::cout << "Calling Harbour Dental …\n" << std::flush;
  Script script{std::move(clips), audio::wideband};
  int answers = 0;
  const std::string url = "ws://127.0.0.1:" + std::to_string(server.ports().http) +
                          "/ws/web-call?assistantId=" + std::string{store::demo::assistant_id};
  auto outcome = async::run_on(
      loop.executor(), call_over_web(clock, url, {}, script, [&](const TranscriptLine& said) {
        std::cout << (said.speaker == "caller" ? "  caller     " : "  assistant  ") << said.text << '\n'
                  << std::flush;
        if (said.speaker == "assistant") ++answers;
      }));
  server.stop();
  workers.stop();
  if (outcome.has_error()) return line.fail(outcome.error());
  if (outcome->broken) return line.fail(*outcome->broken);
  std::cout << "The call ended" << (outcome->ended.empty() ? "" : ": " + outcome->ended) << ".\n";
  if (answers < 2) line.fail(internal("demo_unanswered", "the assistant did not answer"));
}

}  // namespace

void add_demo(CommandLine& line) {
  auto* command =
      line.parser.add_subcommand("demo", "a synthetic caller rings the demo organization; prints the talk");
  command->callback([&line] { demo(line); });
}

}  // namespace voxanne::app

#include "app/commands/command.h"
#include "speech/pocketsphinx/worker.h"

namespace voxanne::app {

// The child process in which PocketSphinx runs: it calls exit() on bad input, and a dead worker is
// a rung of the ladder, not an outage.
void add_speech_worker(CommandLine& line) {
  auto descriptor = std::make_shared<int>(-1);
  auto* command =
      line.parser.add_subcommand("speech-worker", "internal: recognizes speech for the server")->group("");
  command->add_option("--fd", *descriptor, "the socket to the server")->required();
  auto limits = std::make_shared<speech::pocketsphinx::WorkerLimits>();
  command->add_option("--general-callers", limits->general_callers,
                      "callers at a time who are understood with general English as well");
  command->callback([&line, descriptor, limits] {
    line.exit_code = speech::pocketsphinx::speech_worker_main(*descriptor, *limits);
  });
}

}  // namespace voxanne::app

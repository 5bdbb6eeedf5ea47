#include "app/commands/command.h"
#include "app/server.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

namespace voxanne::app {
namespace {

void serve(CommandLine& line) {
  // Before any thread exists, so that all of them inherit it and only we receive these.
  sigset_t stopping;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGTERM);
  sigaddset(&stopping, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stopping, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto config = line.configuration();
  if (!config) return;
  Server server{std::move(*config), line.program};
  if (const auto started = server.start(); started.has_error()) return line.fail(started.error());

  int received = 0;
  sigwait(&stopping, &received);
  log::info("server.draining",
            {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}, {"activeCalls", server.active_calls()}});
  // A second signal does not wait for calls any more.
  std::thread{[stopping] {
    int again = 0;
    sigwait(&stopping, &again);
    log::warning("server.stopped_at_once");
    _exit(1);
  }}.detach();
  server.stop();
  log::info("server.stopped");
}

}  // namespace

void add_serve(CommandLine& line) {
  auto* command = line.parser.add_subcommand("serve", "run the server; SIGTERM drains it");
  std::string footer{
      "Settings, as environment variables or, in lower case, in voxanne.toml (secrets also as NAME_FILE):\n"};
  for (const KeyInfo& key : keys())
    footer.append("  ")
        .append(key.variable)
        .append(std::string(28 - std::min<std::size_t>(27, key.variable.size()), ' '))
        .append(key.meaning)
        .append("\n");
  command->footer(footer);
  command->callback([&line] { serve(line); });
}

}  // namespace voxanne::app

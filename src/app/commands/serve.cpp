#include "app/commands/command.h"
#include "app/config_keys.h"
#include "app/server/server.h"
#include "base/log_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

namespace voxanne::app {
namespace {

// A call needs up to three descriptors, and the usual soft limit is 1024.
void raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

void welcome(const Server& server, bool secure) {
  const auto ports = server.ports();
  const std::string here = (secure ? "https://localhost:" : "http://localhost:") + std::to_string(ports.http);
  std::cout << "\nVoxanne serves " << here
            << " with the demo organization Harbour Dental.\n"
               "From this machine no login is needed: you are the organization's owner.\n";
  if (const auto login = server.demo_login())
    std::cout << "From elsewhere, or to try it: " << login->first << ", password " << login->second.reveal()
              << "\n";
  std::cout << "\nTry first:\n"
            << "  " << here << "   calls live; \"Call the assistant\" talks through your microphone\n"
            << "  build/voxanne demo      a synthetic caller; the conversation is printed\n";
  if (ports.sip_udp != 0)
    std::cout << "  sip:demo@127.0.0.1:" << ports.sip_udp
              << "   from a softphone: ask for the opening hours\n";
  std::cout << "  curl " << here << "/api/calls-dashboard\n\n" << std::flush;
}

void serve(CommandLine& line) {
  // Before any thread exists, so that all of them inherit it and only we receive these.
  sigset_t stopping;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGTERM);
  sigaddset(&stopping, SIGINT);
  sigset_t waited = stopping;
  sigaddset(&waited, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // over a file-size limit a write fails, as on a full disk

  auto config = line.configuration();
  if (!config) return;
  raise_descriptor_limit();
  const log::LogThread log_thread;
  const bool development = config->environment == Environment::development,
             secure = !config->tls_cert.empty();
  Server server{std::move(*config), line.program};
  if (const auto started = server.start(); started.has_error()) return line.fail(started.error());
  if (development) welcome(server, secure);

  int received = 0;
  while (sigwait(&waited, &received) == 0 && received == SIGHUP) server.reload_certificate();
  log::info("server.draining",
            {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}, {"activeCalls", server.active_calls()}});
  // A second signal does not wait for calls any more; one that follows at once is the same wish, sent
  // to the process and to its group.
  std::thread{[stopping] {
    const auto first = std::chrono::steady_clock::now();
    int again = 0;
    do sigwait(&stopping, &again);
    while (std::chrono::steady_clock::now() - first < seconds{1});
    log::warning("server.stopped_at_once");
    log::LogThread::flush();
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
  for (const ConfigKey& key : config_keys())
    footer.append("  ")
        .append(key.variable)
        .append(std::string(28 - std::min<std::size_t>(27, key.variable.size()), ' '))
        .append(key.meaning)
        .append("\n");
  command->footer(footer);
  command->callback([&line] { serve(line); });
}

}  // namespace voxanne::app

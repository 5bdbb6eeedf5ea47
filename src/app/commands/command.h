// The command line: one file per subcommand. Each adds itself to the parser; its callback does the
// work and sets the exit code: 0 success, 1 failure, 2 wrong usage or configuration. Data goes to
// stdout, diagnostics to stderr.
#pragma once

#include "app/config.h"
#include "base/time.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace voxanne::app {

struct CommandLine {
  CLI::App& parser;
  std::string program;  // our own executable, to start children from
  std::optional<std::filesystem::path> config_file;
  int exit_code = 0;

  // Says what is wrong on stderr; sets the exit code.
  void fail(const Error& error);
  // The configuration, logs initialised by it; nullopt (and exit code 2) when it is bad.
  std::optional<Config> configuration();
};

void add_serve(CommandLine& line);
void add_demo(CommandLine& line);
void add_call(CommandLine& line);
void add_loadtest(CommandLine& line);
void add_token(CommandLine& line);
void add_org(CommandLine& line);
void add_user(CommandLine& line);
void add_migrate(CommandLine& line);
void add_doctor(CommandLine& line);
void add_backup(CommandLine& line);
void add_restore(CommandLine& line);
void add_jobs(CommandLine& line);
void add_speech_worker(CommandLine& line);    // internal, hidden
void add_document_reader(CommandLine& line);  // internal, hidden

// "90", "15m", "1h", "7d" → seconds; nullopt on anything else.
std::optional<seconds> parse_duration(std::string_view text);

std::string_view version();

}  // namespace voxanne::app

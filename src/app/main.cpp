#include "app/commands/command.h"

#include <malloc.h>
#include <signal.h>

#include <iostream>

int main(int argc, char** argv) {
  using namespace voxanne::app;
  // Large blocks go back to the system when they are freed: building language models and encoding
  // recordings need them for moments only (measured: 48 → 40 MB before the first call).
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  // Where a file may not grow any more, writing it is an error to be dealt with, as on a full disk.
  signal(SIGXFSZ, SIG_IGN);
  CLI::App parser{"Voxanne: an AI phone receptionist that you host yourself."};
  CommandLine line{.parser = parser, .program = "/proc/self/exe", .config_file = {}};
  parser.set_version_flag("--version", "voxanne " + std::string{version()});
  parser.add_option("--config", line.config_file, "configuration file (default ./voxanne.toml if present)");
  parser.require_subcommand(1);
  parser.fallthrough();
  for (auto add : {add_serve, add_demo, add_call, add_loadtest, add_token, add_org, add_user, add_migrate,
                   add_doctor, add_jobs, add_backup, add_restore, add_speech_worker, add_document_reader})
    add(line);
  try {
    parser.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // It misses a command before it looks at the one that does not exist.
    if (const auto unknown = parser.remaining(true); !unknown.empty()) {
      std::cerr << "voxanne: there is no \"" << unknown.front() << "\"; --help lists what there is\n";
      return 2;
    }
    // CLI11 has an exit code for each mistake; ours is one for all. --help and --version are none.
    if (error.get_exit_code() != 0) {
      std::cerr << "voxanne: " << error.what() << "; --help says how it is used\n";
      return 2;
    }
    return parser.exit(error);
  } catch (const std::exception& error) {
    std::cerr << "voxanne: " << error.what() << '\n';
    return 1;
  }
  return line.exit_code;
}

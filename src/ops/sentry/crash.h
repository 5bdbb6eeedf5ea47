// What a fatal signal leaves behind for the next start. The handler only writes: text prepared at
// install(), numbers, addresses and the breadcrumbs' raw bytes, to a file in DATA_DIR/crash that it
// opens itself; then the signal goes on to whoever had it before (a core file, a sanitizer).
//
//   crash::install({.directory = data / "crash", .session = id, .release = …}, breadcrumbs);
//   …  kill -SEGV …
//   for (Report& report : crash::collect(data / "crash")) …     // the next start
//   crash::forget(report.file);                                 // once a tracker has it
//
// install() once per process, from main's thread, before others write breadcrumbs; everything it is
// given outlives the process. Its handler runs on the thread's signal stack (async/signal_stack.h).
#pragma once

#include "base/result.h"
#include "ops/sentry/breadcrumbs.h"
#include "ops/sentry/stack.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::ops::sentry::crash {

struct Options {
  std::filesystem::path directory;
  std::string session{}, release{}, environment{};
  UtcTime started{};
};

void install(const Options& options, const Breadcrumbs& breadcrumbs);
// The signals' former handlers again, for tests.
void uninstall();

struct Report {
  std::filesystem::path file{};
  std::string session{}, release{}, environment{};
  UtcTime started{}, at{};
  int signal = 0, code = 0;
  std::uintptr_t address = 0;  // the one that could not be used
  std::string thread{};
  Addresses frames;
  std::vector<Module> modules{};
  std::vector<Breadcrumb> breadcrumbs{};
};

// Pure. Error: malformed (bad_crash_report). A report that ends in the middle is read as far as it goes.
Result<Report> parse(std::string_view text);

// The newest 16 reports there, oldest first. Older ones are removed, and with a line in the log what
// cannot be read as a report.
std::vector<Report> collect(const std::filesystem::path& directory);
// Removes a report's file; an empty path is none.
void forget(const std::filesystem::path& file);

// "SIGSEGV"
std::string signal_name(int number);

}  // namespace voxanne::ops::sentry::crash

#include "ops/sentry/crash.h"

#include "base/ids.h"
#include "base/log.h"
#include "ops/sentry/scrub.h"

#include <signal.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

namespace voxanne::ops::sentry::crash {
namespace {

constexpr std::size_t max_size = 256 * 1024;
constexpr std::size_t max_reports = 16;

std::string_view take(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto piece = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return piece;
}

template <class T>
bool read(std::string_view text, T& out, int base = 10) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return failed == std::errc{} && end == text.data() + text.size();
}

// Milliseconds that RFC 3339 can write: years 1970 to 9999.
bool read_time(std::string_view text, UtcTime& out) {
  std::int64_t ms = 0;
  if (!read(text, ms) || ms < 0 || ms > 253'402'300'799'999) return false;
  out = from_unix_ms(ms);
  return true;
}

bool read_signal(std::string_view text, int& out) {
  int number = 0;
  if (!read(text, number) || number < 1 || number > 64) return false;
  out = number;
  return true;
}

bool read_module(std::string_view line, Module& module) {
  if (!read(take(line, ' '), module.bias, 16) || !read(take(line, ' '), module.first, 16) ||
      !read(take(line, ' '), module.last, 16))
    return false;
  const auto id = take(line, ' ');
  if (id != "-") module.build_id = id;
  module.path = line;
  return module.first <= module.last && module.build_id.size() <= 64;
}

bool read_crumb(std::string_view line, Breadcrumb& crumb) {
  int level = 0;
  if (!read_time(take(line, ' '), crumb.at) || !read(take(line, ' '), level) || level < 0 || level > 3)
    return false;
  crumb.level = static_cast<log::Level>(level);
  crumb.category = scrub(take(line, ' '), 64);
  crumb.message = scrub(line, 256);
  return true;
}

// False on a line that is not what it says.
bool read_line(std::string_view line, Report& report) {
  const auto name = take(line, ' ');
  if (name == "session") report.session = is_sane_id(line) ? line : "";
  if (name == "release") report.release = line.substr(0, 128);  // the operator's own words
  if (name == "environment") report.environment = line.substr(0, 64);
  if (name == "thread") report.thread = scrub(line, 16);
  if (name == "started") return read_time(line, report.started);
  if (name == "at") return read_time(line, report.at);
  if (name == "signal") return read_signal(line, report.signal);
  if (name == "code") return read(line, report.code);
  if (name == "address") return read(line, report.address, 16);
  if (name == "frame") {
    std::uintptr_t frame = 0;
    if (!read(line, frame, 16)) return false;
    if (report.frames.size() < max_frames) report.frames.push_back(frame);
  }
  if (name == "module") {
    Module module;
    if (!read_module(line, module)) return false;
    if (report.modules.size() < 256) report.modules.push_back(std::move(module));
  }
  if (name == "crumb") {
    Breadcrumb crumb;
    if (!read_crumb(line, crumb)) return false;
    if (report.breadcrumbs.size() < Breadcrumbs::count) report.breadcrumbs.push_back(std::move(crumb));
  }
  return true;
}

}  // namespace

Result<Report> parse(std::string_view text) {
  const auto bad = [] { return malformed("bad_crash_report", "this is no crash report of ours"); };
  if (take(text, '\n') != "voxanne-crash 1") return bad();
  Report report;
  while (!text.empty()) {
    const bool whole = text.find('\n') != std::string_view::npos;
    const auto line = take(text, '\n');
    if (!read_line(line, report) && whole) return bad();
  }
  if (report.signal == 0) return bad();
  std::ranges::sort(report.breadcrumbs, {}, &Breadcrumb::at);
  return report;
}

std::vector<Report> collect(const std::filesystem::path& directory) {
  std::vector<Report> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator{directory, failed}) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("crash-")) continue;
    std::string text;
    if (std::ifstream file{entry.path(), std::ios::binary}; file) {
      text.resize(max_size);
      file.read(text.data(), std::streamsize(text.size()));
      text.resize(std::size_t(file.gcount()));
    }
    auto report = parse(text);
    if (!report) {
      log::warning("crash.report_unreadable", {{"file", name}, {"bytes", text.size()}});
      forget(entry.path());
      continue;
    }
    report->file = entry.path();
    out.push_back(std::move(*report));
  }
  std::ranges::sort(out, {}, &Report::at);
  const auto kept = out.end() - std::ptrdiff_t(std::min(out.size(), max_reports));
  for (auto old = out.begin(); old != kept; ++old) forget(old->file);
  out.erase(out.begin(), kept);
  return out;
}

void forget(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!file.empty()) std::filesystem::remove(file, ignored);
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name ? "SIG" + std::string{name} : "signal " + std::to_string(number);
}

}  // namespace voxanne::ops::sentry::crash

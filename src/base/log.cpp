#include "base/log.h"

#include "base/json_text.h"
#include "base/log_queue.h"
#include "base/log_thread.h"
#include "base/time.h"
#include "base/unhandled.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <vector>

namespace voxanne::log {
namespace {

std::atomic<Level> threshold{Level::warning};
std::atomic<Format> layout{Format::text};
std::atomic<Observer*> observer{nullptr};

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("voxanne", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

// Never destroyed: a thread may log while the process ends.
LogQueue& queue() {
  static auto& waiting = *new LogQueue{LogThread::max_waiting};
  return waiting;
}
std::atomic<bool> queued{false};

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "info";
}

void append_value(std::string& out, const Field& field) {
  if (auto* text = std::get_if<std::string_view>(&field.value)) append_json_string(out, *text);
  if (auto* flag = std::get_if<bool>(&field.value)) out += *flag ? "true" : "false";
  if (auto* number = std::get_if<double>(&field.value)) append_json_double(out, *number);
  if (auto* number = std::get_if<std::int64_t>(&field.value)) append_json_int(out, *number);
}

}  // namespace

std::string personal(std::string_view text) {
  const auto digits = std::ranges::count_if(text, [](unsigned char c) { return std::isdigit(c); });
  const bool number = digits >= 6 && std::size_t(digits) * 2 > text.size();
  if (!number) return text.empty() ? "" : "[redacted]";
  return "…" + std::string{text.substr(text.size() - 2)};
}

void init(Level level, Format format) {
  threshold = level;
  layout = format;
}

bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void observe(Observer* who) { observer = who; }

namespace {

std::string what(const std::exception_ptr& error) {
  if (!error) return "nothing was thrown";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "not a std::exception";
  }
}

void write_line(const Line& to_write) {
  if (Observer* watching = observer.load(std::memory_order_acquire)) watching->on_line(to_write);
  const auto& [level, event, fields, error] = to_write;
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  std::string line;
  line.reserve(160);
  if (layout.load(std::memory_order_relaxed) == Format::json) {
    line += R"({"time":")";
    append_rfc3339(line, now);
    line += R"(","level":")";
    line += name(level);
    line += R"(","event":)";
    append_json_string(line, event);
    for (const Field& field : fields) {
      line.push_back(',');
      append_json_string(line, field.key);
      line.push_back(':');
      append_value(line, field);
    }
    line.push_back('}');
  } else {
    append_rfc3339(line, now);
    line.push_back(' ');
    line.append(name(level)).append(" ").append(event);
    for (const Field& field : fields) {
      line.push_back(' ');
      line.append(field.key).push_back('=');
      append_value(line, field);
    }
  }
  if (queued.load(std::memory_order_acquire))
    queue().push(std::move(line));
  else
    sink().info(line);
}

}  // namespace

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  write_line({.level = level, .event = event, .fields = {fields.begin(), fields.size()}});
}

void unhandled(std::string_view event, std::exception_ptr error, std::initializer_list<Field> fields) {
  const std::string text = what(error);
  std::vector<Field> all(fields);
  all.emplace_back("error", text);
  write_line({.level = Level::error, .event = event, .fields = all, .error = std::move(error)});
}

LogThread::LogThread() {
  queue();
  queued = true;
  thread_ = std::thread{[] {
    while (queued.load(std::memory_order_acquire)) {
      queue().wait();
      flush();
      if (const auto dropped = queue().take_dropped(); dropped > 0)
        warning("log.lines_dropped", {{"count", dropped}});
    }
  }};
}

void LogThread::flush() {
  for (const std::string& line : queue().take()) sink().info(line);
}

LogThread::~LogThread() {
  queued = false;
  queue().wake();
  thread_.join();
  flush();
}

}  // namespace voxanne::log

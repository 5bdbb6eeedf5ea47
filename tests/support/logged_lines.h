// What was logged while this lives: warnings and errors, from any thread. One at a time; it outlives the
// threads that log.
#pragma once

#include "base/unhandled.h"

#include <map>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

namespace voxanne::test {

class LoggedLines final : log::Observer {
 public:
  LoggedLines() { log::observe(this); }
  ~LoggedLines() override { log::observe(nullptr); }

  // The lines of this event, each as its fields: "code=… error=…", those that are no text left out.
  std::vector<std::string> of(const std::string& event) const {
    const std::lock_guard lock{mutex_};
    const auto found = lines_.find(event);
    return found == lines_.end() ? std::vector<std::string>{} : found->second;
  }

 private:
  void on_line(const log::Line& line) noexcept override {
    std::string text;
    for (const log::Field& field : line.fields)
      if (const auto* value = std::get_if<std::string_view>(&field.value))
        text.append(field.key).append("=").append(*value).append(" ");
    const std::lock_guard lock{mutex_};
    lines_[std::string{line.event}].push_back(std::move(text));
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> lines_;
};

}  // namespace voxanne::test

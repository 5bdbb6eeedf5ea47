#include "app/commands/command.h"

#include "base/time.h"

#include <charconv>
#include <iostream>

namespace voxanne::app {

void CommandLine::fail(const Error& error) {
  std::cerr << "voxanne: " << error.message << '\n';
  exit_code = error.kind == Fault::malformed ? 2 : 1;
}

std::optional<Config> CommandLine::configuration() {
  auto config = load_config(config_file, process_environment());
  if (config.has_error()) {
    fail(config.error());
    return std::nullopt;
  }
  log::init(config->log_level, config->log_format);
  return std::move(*config);
}

std::optional<seconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count <= 0 || count > 1'000'000'000) return std::nullopt;
  const std::string_view unit{end, std::size_t(text.data() + text.size() - end)};
  if (unit.empty() || unit == "s") return seconds{count};
  if (unit == "m") return seconds{count * 60};
  if (unit == "h") return seconds{count * 3'600};
  if (unit == "d") return seconds{count * 86'400};
  return std::nullopt;
}

std::string_view version() { return VOXANNE_VERSION; }

}  // namespace voxanne::app

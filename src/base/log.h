// Structured logs to stderr: one line per event, JSON (or text in development), each with its
// fields. A field's key is camelCase; the ids that tie lines together are requestId, orgId,
// callId. Personal data (a number, words of a caller) is only ever passed as log::personal(),
// which keeps the last two digits of a number and nothing of anything else.
//
//   log::info("call.answered", {{"callId", id.str()}, {"setupMs", 12}});
//
// Any thread; writing never blocks on more than a stderr write. init() once, in main.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace voxanne::log {

enum class Level { debug, info, warning, error };
enum class Format { json, text };

// Redacted text: "+447700900123" → "…23", words → "[redacted]".
std::string personal(std::string_view text);

struct Field {
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view{v}) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view{v}) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class T>
    requires std::is_integral_v<T>
  Field(std::string_view k, T v) : key(k), value(static_cast<std::int64_t>(v)) {}

  std::string_view key;
  std::variant<std::string_view, bool, double, std::int64_t> value;
};

void init(Level level, Format format);
bool enabled(Level level);
// `event` is a short dotted name of what happened, not a sentence.
void write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::info)) write(Level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::warning)) write(Level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  if (enabled(Level::error)) write(Level::error, event, fields);
}

}  // namespace voxanne::log

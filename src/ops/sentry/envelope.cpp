#include "ops/sentry/envelope.h"

#include "base/json_text.h"
#include "base/secret.h"
#include "ops/sentry/dsn.h"

#include <fmt/format.h>

#include <algorithm>

namespace voxanne::ops::sentry {
namespace {

// An object being written: `,` where one is due.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_.push_back('{'); }
  ~Object() { out_.push_back('}'); }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  std::string& key(std::string_view name) {
    if (!first_) out_.push_back(',');
    first_ = false;
    append_json_string(out_, name);
    out_.push_back(':');
    return out_;
  }
  void text(std::string_view name, std::string_view value) { append_json_string(key(name), value); }
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void number(std::string_view name, std::int64_t value) { append_json_int(key(name), value); }
  void flag(std::string_view name, bool value) { key(name) += value ? "true" : "false"; }
  // RFC 3339, to the millisecond.
  void time(std::string_view name, UtcTime at) { text(name, to_rfc3339(at)); }

 private:
  std::string& out_;
  bool first_ = true;
};

class Array {
 public:
  explicit Array(std::string& out) : out_(out) { out_.push_back('['); }
  ~Array() { out_.push_back(']'); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  std::string& next() {
    if (!first_) out_.push_back(',');
    first_ = false;
    return out_;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

std::string address(std::uintptr_t value) { return fmt::format("{:#x}", value); }

// A debug id is the build id's first 16 bytes as a UUID whose first three fields are little-endian.
std::string debug_id(std::string_view build_id) {
  if (build_id.size() < 32) return {};
  const auto byte = [&](std::size_t i) { return build_id.substr(2 * i, 2); };
  std::string out;
  for (const std::size_t i : {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}) {
    out += byte(i);
    if (out.size() == 8 || out.size() == 13 || out.size() == 18 || out.size() == 23) out.push_back('-');
  }
  return out;
}

void append_tags(std::string& out, const Tags& tags) {
  Object object{out};
  for (const auto& [key, value] : tags) object.text(key, value);
}

// Oldest call first, as the protocol wants it.
void append_frames(std::string& out, const std::vector<Frame>& frames) {
  Object stack{out};
  Array list{stack.key("frames")};
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    Object object{list.next()};
    object.text_if("function", frame->function);
    object.text_if("filename", frame->file);
    if (frame->line > 0) object.number("lineno", frame->line);
    object.text("instruction_addr", address(frame->address));
    object.text_if("package", frame->object);
    object.flag("in_app", frame->ours && frame->function.find("voxanne::") != std::string::npos);
  }
}

void append_images(std::string& out, const std::vector<Module>& modules, const std::vector<Frame>& frames) {
  Object meta{out};
  Array images{meta.key("images")};
  for (const auto& module : modules) {
    const bool used = std::ranges::any_of(frames, [&](const Frame& frame) {
      return frame.address >= module.first && frame.address < module.last;
    });
    if (!used || module.build_id.empty()) continue;
    Object image{images.next()};
    image.text("type", "elf");
    image.text("code_file", module.path);
    image.text("code_id", module.build_id);
    image.text_if("debug_id", debug_id(module.build_id));
    image.text("image_addr", address(module.first));
    image.number("image_size", std::int64_t(module.last - module.first));
  }
}

std::string_view word(log::Level level) {
  switch (level) {
    case log::Level::debug:
      return "debug";
    case log::Level::info:
      return "info";
    case log::Level::warning:
      return "warning";
    case log::Level::error:
      return "error";
  }
  return "info";
}

void append_breadcrumbs(std::string& out, const std::vector<Breadcrumb>& crumbs) {
  Object object{out};
  Array values{object.key("values")};
  for (const auto& crumb : crumbs) {
    Object value{values.next()};
    value.time("timestamp", crumb.at);
    value.text("level", word(crumb.level));
    value.text("category", crumb.category);
    value.text_if("message", crumb.message);
  }
}

void append_origin(Object& object, const Origin& origin) {
  object.text("platform", "native");
  object.text("release", origin.release);
  object.text("environment", origin.environment);
  object.text("server_name", origin.server_name);
  Object sdk{object.key("sdk")};
  sdk.text("name", client_name);
  sdk.text("version", "1.0");
}

// Envelope header, item header with its length, item.
std::string envelope(const Origin& origin, std::string_view type, std::string_view event_id,
                     std::string_view trace_id, const std::string& item, UtcTime now) {
  std::string out;
  out.reserve(item.size() + 512);
  {
    Object header{out};
    header.text_if("event_id", event_id);
    header.text("dsn", origin.dsn);
    header.time("sent_at", now);
    if (!trace_id.empty()) {
      Object trace{header.key("trace")};
      trace.text("trace_id", trace_id);
      trace.text("public_key", origin.public_key);
      trace.text("release", origin.release);
      trace.text("environment", origin.environment);
    }
  }
  out.push_back('\n');
  {
    Object header{out};
    header.text("type", type);
    header.text("content_type", "application/json");
    header.number("length", std::int64_t(item.size()));
  }
  out.append("\n").append(item).append("\n");
  return out;
}

}  // namespace

std::string encode(const Origin& origin, const Event& event, UtcTime now) {
  std::string item;
  {
    Object object{item};
    object.text("event_id", event.id);
    object.time("timestamp", event.at);
    object.text("level", event.level);
    append_origin(object, origin);
    object.text_if("logger", event.logger);
    object.text_if("transaction", event.transaction);
    append_tags(object.key("tags"), event.tags);
    append_tags(object.key("extra"), event.extra);
    {
      Object contexts{object.key("contexts")};
      if (!event.trace_id.empty()) {
        Object trace{contexts.key("trace")};
        trace.text("trace_id", event.trace_id);
        trace.text_if("span_id", event.span_id);
        trace.text_if("parent_span_id", event.parent_span_id);
      }
      Object runtime{contexts.key("runtime")};
      runtime.text("name", "voxanne");
      runtime.text("version", origin.release);
    }
    {
      Object exception{object.key("exception")};
      Array values{exception.key("values")};
      Object value{values.next()};
      value.text("type", event.type);
      value.text("value", event.value);
      value.text_if("thread_id", event.thread);
      {
        Object mechanism{value.key("mechanism")};
        mechanism.text("type", event.mechanism);
        mechanism.flag("handled", event.handled);
      }
      if (!event.frames.empty()) append_frames(value.key("stacktrace"), event.frames);
    }
    append_breadcrumbs(object.key("breadcrumbs"), event.breadcrumbs);
    if (!event.frames.empty()) append_images(object.key("debug_meta"), event.modules, event.frames);
  }
  return envelope(origin, "event", event.id, event.trace_id, item, now);
}

std::string encode(const Origin& origin, const Transaction& transaction, UtcTime now) {
  std::string item;
  {
    Object object{item};
    object.text("event_id", transaction.id);
    object.text("type", "transaction");
    object.text("transaction", transaction.name);
    object.time("start_timestamp", transaction.start);
    object.time("timestamp", transaction.end);
    append_origin(object, origin);
    append_tags(object.key("tags"), transaction.tags);
    {
      Object contexts{object.key("contexts")};
      Object trace{contexts.key("trace")};
      trace.text("trace_id", transaction.trace.trace_id());
      trace.text("span_id", transaction.trace.span_id());
      trace.text_if("parent_span_id", transaction.trace.parent_span_id());
      trace.text("op", transaction.op);
      trace.text("status", transaction.status);
    }
    Array spans{object.key("spans")};
    for (const auto& span : transaction.spans) {
      Object value{spans.next()};
      value.text("trace_id", transaction.trace.trace_id());
      value.text("span_id", span.id);
      value.text("parent_span_id", transaction.trace.span_id());
      value.text("op", span.op);
      value.text_if("description", span.description);
      value.time("start_timestamp", span.start);
      value.time("timestamp", span.end);
    }
  }
  return envelope(origin, "transaction", transaction.id, transaction.trace.trace_id(), item, now);
}

std::string encode(const Origin& origin, const Session& session, UtcTime now) {
  std::string item;
  {
    Object object{item};
    object.text("sid", session.id);
    object.flag("init", session.init);
    object.time("started", session.started);
    object.time("timestamp", session.at);
    object.text("status", session.status);
    object.number("errors", session.errors);
    if (session.status != "ok")
      object.number("duration", std::max<std::int64_t>(0, (session.at - session.started) / 1s));
    Object attributes{object.key("attrs")};
    attributes.text("release", session.release.empty() ? origin.release : session.release);
    attributes.text("environment", session.environment.empty() ? origin.environment : session.environment);
  }
  return envelope(origin, "session", {}, {}, item, now);
}

std::string new_event_id() { return to_hex(random_bytes(16)); }

// A random UUID (RFC 9562 §5.4).
std::string new_session_id() {
  std::string bytes = random_bytes(16);
  bytes[6] = char((bytes[6] & 0x0f) | 0x40);
  bytes[8] = char((bytes[8] & 0x3f) | 0x80);
  std::string hex = to_hex(bytes);
  for (const std::size_t dash : {8, 13, 18, 23}) hex.insert(dash, "-");
  return hex;
}

}  // namespace voxanne::ops::sentry

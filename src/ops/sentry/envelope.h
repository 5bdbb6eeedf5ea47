// Sentry's envelopes as text: newline-separated JSON, one item each. Pure functions; whatever goes in
// is scrubbed already or is an id.
#pragma once

#include "base/time.h"
#include "base/trace.h"
#include "ops/sentry/breadcrumbs.h"
#include "ops/sentry/stack.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace voxanne::ops::sentry {

// Who tells: the same for everything a process sends.
struct Origin {
  std::string dsn{}, public_key{};
  std::string release{}, environment{}, server_name{};
};

using Tags = std::vector<std::pair<std::string, std::string>>;

struct Event {
  std::string id{};  // 32 hex
  UtcTime at{};
  std::string_view level = "error";  // or fatal
  std::string type{};                // of what was thrown, or the log line's event
  std::string value{};               // what it says
  std::string mechanism = "generic";
  bool handled = false;
  std::string logger{};       // the log line's event
  std::string transaction{};  // the route, the job
  std::string thread{};
  std::vector<Frame> frames{};  // innermost first
  std::vector<Module> modules{};
  std::vector<Breadcrumb> breadcrumbs{};
  Tags tags{};   // requestId, orgId, callId …; searchable
  Tags extra{};  // further fields
  std::string trace_id{}, span_id{}, parent_span_id{};
};

struct Span {
  std::string id{}, op{}, description{};
  UtcTime start{}, end{};
};
struct Transaction {
  std::string id{};
  std::string name{};  // "GET /api/calls/:callId"
  std::string op{};    // "http.server", "call"
  std::string status = "ok";
  UtcTime start{}, end{};
  Trace trace{};
  Tags tags{};
  std::vector<Span> spans{};
};

struct Session {
  std::string id{};  // UUID
  bool init = false;
  UtcTime started{}, at{};
  std::string_view status = "ok";  // exited, crashed, abnormal
  int errors = 0;
  std::string release{}, environment{};  // of the process whose session it is
};

std::string encode(const Origin& origin, const Event& event, UtcTime now);
std::string encode(const Origin& origin, const Transaction& transaction, UtcTime now);
std::string encode(const Origin& origin, const Session& session, UtcTime now);

std::string new_event_id();  // 32 hex
std::string new_session_id();

}  // namespace voxanne::ops::sentry

#include "ops/sentry/envelope.h"

#include "ops/sentry/gzip.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace voxanne::ops::sentry {
namespace {

namespace json = boost::json;

const Origin origin{.dsn = "https://key@host/1",
                    .public_key = "key",
                    .release = "voxanne@0.1.0",
                    .environment = "production",
                    .server_name = "node1"};
const UtcTime at = *parse_rfc3339("2026-11-23T10:00:00.250Z");

// Splits an envelope into its three lines, as the protocol frames them.
struct Parts {
  explicit Parts(const std::string& text) {
    const auto first = text.find('\n'), second = text.find('\n', first + 1);
    header = json::parse(text.substr(0, first)).as_object();
    item = json::parse(text.substr(first + 1, second - first - 1)).as_object();
    const auto length = std::size_t(item.at("length").as_int64());
    body = json::parse(text.substr(second + 1, length)).as_object();
    framed = text.size() == second + 1 + length + 1 && text.back() == '\n';
  }
  json::object header, item, body;
  bool framed = false;
};

TEST(SentryEnvelope, an_event_has_everything_that_finds_the_fault) {
  Event event;
  event.id = "0123456789abcdef0123456789abcdef";
  event.at = at;
  event.type = "std::out_of_range";
  event.value = "a \"quoted\"\nline";
  event.logger = "api.exception";
  event.transaction = "/api/calls/:callId";
  event.frames = {{.address = 0x1010,
                   .function = "voxanne::f()",
                   .file = "src/a.cpp",
                   .line = 7,
                   .object = "/bin/v",
                   .ours = true},
                  {.address = 0x9000, .function = "", .object = "/lib/c.so"}};
  event.modules = {
      {.bias = 0x1000,
       .first = 0x1000,
       .last = 0x2000,
       .build_id = "0102030405060708090a0b0c0d0e0f1011121314",
       .path = "/bin/v"},
      {.bias = 0x5000, .first = 0x5000, .last = 0x6000, .build_id = "ff", .path = "/lib/unused.so"}};
  event.breadcrumbs = {
      {.at = at, .level = log::Level::warning, .category = "jobs.attempt_failed", .message = "code=x"}};
  event.tags = {{"requestId", "req_1"}, {"orgId", "demo"}};
  event.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  event.span_id = "00f067aa0ba902b7";
  const Parts parts{encode(origin, event, at + 1s)};
  EXPECT_TRUE(parts.framed);
  EXPECT_EQ(parts.header.at("event_id"), json::value(event.id));
  EXPECT_EQ(parts.header.at("dsn"), json::value(origin.dsn));
  EXPECT_EQ(parts.header.at("sent_at"), "2026-11-23T10:00:01.250Z");
  EXPECT_EQ(parts.header.at("trace").at("trace_id"), json::value(event.trace_id));
  EXPECT_EQ(parts.item.at("type"), "event");
  const auto& body = parts.body;
  EXPECT_EQ(body.at("timestamp"), "2026-11-23T10:00:00.250Z");
  EXPECT_EQ(body.at("platform"), "native");
  EXPECT_EQ(body.at("level"), "error");
  EXPECT_EQ(body.at("release"), json::value(origin.release));
  EXPECT_EQ(body.at("environment"), "production");
  EXPECT_EQ(body.at("server_name"), "node1");
  EXPECT_EQ(body.at("tags").at("requestId"), "req_1");
  EXPECT_EQ(body.at("contexts").at("trace").at("span_id"), json::value(event.span_id));
  const auto& exception = body.at("exception").at("values").at(0).as_object();
  EXPECT_EQ(exception.at("type"), "std::out_of_range");
  EXPECT_EQ(exception.at("value"), json::value(event.value));
  EXPECT_EQ(exception.at("mechanism").at("handled"), false);
  const auto& frames = exception.at("stacktrace").at("frames").as_array();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].at("instruction_addr"), "0x9000") << "the oldest call comes first";
  EXPECT_FALSE(frames[0].as_object().contains("function"));
  EXPECT_EQ(frames[1].at("function"), "voxanne::f()");
  EXPECT_EQ(frames[1].at("filename"), "src/a.cpp");
  EXPECT_EQ(frames[1].at("lineno"), 7);
  EXPECT_EQ(frames[1].at("in_app"), true);
  EXPECT_EQ(body.at("breadcrumbs").at("values").at(0).at("category"), "jobs.attempt_failed");
  const auto& images = body.at("debug_meta").at("images").as_array();
  ASSERT_EQ(images.size(), 1u) << "only what a frame is in";
  EXPECT_EQ(images[0].at("debug_id"), "04030201-0605-0807-090a-0b0c0d0e0f10");
  EXPECT_EQ(images[0].at("code_id"), "0102030405060708090a0b0c0d0e0f1011121314");
}

TEST(SentryEnvelope, a_transaction_belongs_to_its_trace) {
  Transaction transaction{
      .id = "0123456789abcdef0123456789abcdef",
      .name = "GET /api/calls",
      .op = "http.server",
      .start = at,
      .end = at + 12ms,
      .trace = Trace::continued("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
      .tags = {{"status", "200"}},
      .spans = {
          {.id = "b7ad6b7169203331", .op = "turn.caller", .description = "", .start = at, .end = at + 5ms}}};
  const Parts parts{encode(origin, transaction, at)};
  EXPECT_TRUE(parts.framed);
  EXPECT_EQ(parts.item.at("type"), "transaction");
  const auto& trace = parts.body.at("contexts").at("trace").as_object();
  EXPECT_EQ(trace.at("trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace.at("parent_span_id"), "00f067aa0ba902b7");
  EXPECT_EQ(parts.body.at("start_timestamp"), "2026-11-23T10:00:00.250Z");
  EXPECT_EQ(parts.body.at("timestamp"), "2026-11-23T10:00:00.262Z");
  EXPECT_EQ(parts.body.at("spans").at(0).at("parent_span_id").as_string(), trace.at("span_id").as_string());
}

TEST(SentryEnvelope, a_session_says_how_a_process_fared) {
  Session session{.id = new_session_id(), .init = true, .started = at, .at = at};
  const Parts begun{encode(origin, session, at)};
  EXPECT_FALSE(begun.header.contains("event_id"));
  EXPECT_EQ(begun.body.at("status"), "ok");
  EXPECT_EQ(begun.body.at("init"), true);
  EXPECT_EQ(begun.body.at("attrs").at("release"), json::value(origin.release));
  session.status = "crashed";
  session.init = false;
  session.errors = 2;
  session.at = at + 90s;
  session.release = "voxanne@0.0.9";
  const Parts ended{encode(origin, session, at)};
  EXPECT_EQ(ended.body.at("sid"), json::value(session.id));
  EXPECT_EQ(ended.body.at("errors"), 2);
  EXPECT_EQ(ended.body.at("duration"), 90);
  EXPECT_EQ(ended.body.at("attrs").at("release"), "voxanne@0.0.9") << "of the one that crashed, not of ours";
}

TEST(SentryEnvelope, ids_have_their_protocol_s_shape) {
  EXPECT_EQ(new_event_id().size(), 32u);
  const auto id = new_session_id();
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string_view{"89ab"}.find(id[19]), std::string_view::npos);
  EXPECT_EQ(gzip("").substr(0, 2), "\x1f\x8b");
}

}  // namespace
}  // namespace voxanne::ops::sentry

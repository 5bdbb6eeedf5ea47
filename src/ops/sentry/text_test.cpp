#include "ops/sentry/dsn.h"
#include "ops/sentry/rate_limits.h"
#include "ops/sentry/scrub.h"

#include <gtest/gtest.h>

namespace voxanne::ops::sentry {
namespace {

TEST(SentryDsn, says_where_to_post_and_with_which_key) {
  const auto dsn = parse_dsn("https://abc123@o1.ingest.sentry.io/42");
  ASSERT_TRUE(dsn);
  EXPECT_EQ(dsn->envelope_url, "https://o1.ingest.sentry.io/api/42/envelope/");
  EXPECT_EQ(auth_header(*dsn), "Sentry sentry_version=7, sentry_client=voxanne/1.0, sentry_key=abc123");
  EXPECT_EQ(parse_dsn("http://k@127.0.0.1:9000/tracker/7")->envelope_url,
            "http://127.0.0.1:9000/tracker/api/7/envelope/");
  EXPECT_EQ(parse_dsn("http://k@[::1]:9000/7")->envelope_url, "http://[::1]:9000/api/7/envelope/");
}

TEST(SentryDsn, an_old_one_s_secret_is_dropped) {
  const auto dsn = parse_dsn("https://abc:s3cret@host/1");
  ASSERT_TRUE(dsn);
  EXPECT_EQ(dsn->text, "https://abc@host/1");
}

TEST(SentryDsn, anything_else_is_refused_with_what_one_looks_like) {
  for (const std::string_view bad :
       {"", "https://host/1", "https://key@host", "https://key@host/", "ftp://key@host/1", "https://@host/1",
        "https://key@/1", "https://key@host:99999/1", "https://key@ho st/1", "https://key@host/../1",
        "https://key@host/1?x=y", "https://k\r\ney@host/1", "key@host/1", "https://key@host:/1"}) {
    const auto dsn = parse_dsn(bad);
    ASSERT_FALSE(dsn) << bad;
    EXPECT_EQ(dsn.error().code, "bad_dsn");
    EXPECT_NE(dsn.error().message.find("PUBLIC_KEY@HOST/PROJECT"), std::string::npos);
  }
}

TEST(Scrub, numbers_addresses_and_secrets_are_taken_out) {
  struct Case {
    std::string_view text, scrubbed;
  };
  for (const auto& [text, scrubbed] : {
           Case{"calling +44 7700 900123 failed", "calling [number] failed"},
           Case{"07700900123", "[number]"},
           Case{"(020) 7946-0958 did not answer", "[number] did not answer"},
           Case{"from jane.doe+x@example.co.uk: no", "from [email]: no"},
           Case{"Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"},
           Case{"the header was Bearer abcdef", "the header was Bearer [redacted]"},
           Case{"GET /x?token=abc&limit=5", "GET /x?token=[redacted]&limit=5"},
           Case{R"({"password":"hunter2","id":"a"})", R"({"password":"[redacted]","id":"a"})"},
           Case{"postgres://user:pa55@db:5432/x", "postgres://[redacted]@db:5432/x"},
           Case{"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "jwt [token]"},
           Case{"key vx_0123456789abcdef refused", "key [token] refused"},
           Case{"sk-proj-0123456789abcdef", "[token]"},
           Case{"0123456789abcdef0123456789abcdef01234567deadbeef", "[token]"},
       })
    EXPECT_EQ(scrub(text), scrubbed) << text;
}

TEST(Scrub, what_helps_to_find_the_fault_stays) {
  for (const std::string_view text :
       {"call_01JDABCDEFGHJKMNPQRSTVWXYZ ended",
        "vector::_M_range_check: __n (which is 5) >= this->size() (which is 3)", "port 5060 is in use",
        "basic_string::append", "HTTP 503 after 12000 ms", "src/api/routes/recordings.cpp:123",
        "asst_01JDABCDEFGHJKMNPQRSTVWXYZ", "/var/lib/voxanne/recordings/a/b/c.ogg"})
    EXPECT_EQ(scrub(text), text);
}

TEST(Scrub, it_is_bounded_and_cuts_no_character) {
  EXPECT_EQ(scrub(std::string(5'000, 'a')).size(), 1'024u);
  std::string text(299, 'a');
  text += "é";
  EXPECT_EQ(scrub(text, 300), std::string(299, 'a'));
  // A number at the edge is gone as a whole.
  EXPECT_EQ(scrub(std::string(295, ' ') + "+447700900123", 300).find("4477"), std::string::npos);
}

TEST(Scrub, a_field_s_key_can_hide_all_of_it) {
  EXPECT_EQ(scrub_field("text", "I have a toothache"), "[redacted]");
  EXPECT_EQ(scrub_field("callerNumber", "anonymous"), "[redacted]");
  EXPECT_EQ(scrub_field("apiKey", "short"), "[redacted]");
  EXPECT_EQ(scrub_field("callId", "call_01JDABCDEFGHJKMNPQRSTVWXYZ"), "call_01JDABCDEFGHJKMNPQRSTVWXYZ");
  EXPECT_EQ(scrub_field("callId", "jane@example.org +447700900123"), "[email] [number]");
  EXPECT_EQ(scrub_field("requestId", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"),
            "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
  EXPECT_EQ(scrub_field("code", "disk_full"), "disk_full");
  EXPECT_EQ(scrub_field("text", ""), "");
}

TEST(RateLimitHeader, its_categories_and_times_are_read) {
  const auto limits =
      parse_rate_limits("60:transaction;error:organization:quota, 2700::project,10:attachment");
  ASSERT_EQ(limits.size(), 3u);
  EXPECT_EQ(limits[0].category, Category::transaction);
  EXPECT_EQ(limits[1].category, Category::error);
  EXPECT_EQ(limits[1].lasting, seconds{60});
  EXPECT_EQ(limits[2].category, std::nullopt);
  EXPECT_EQ(limits[2].lasting, seconds{2'700});
  // The scope may be left out, and must not swallow the limit after it.
  EXPECT_EQ(parse_rate_limits("60:error,10:session").size(), 2u);
  for (const std::string_view nonsense : {"", ",,,", "abc:error", "-5:error", "nan:error", ":error"})
    EXPECT_TRUE(parse_rate_limits(nonsense).empty()) << nonsense;
  EXPECT_EQ(parse_rate_limits("99999999999:error")[0].lasting, seconds{86'400});
}

TEST(RateLimits, only_the_limited_category_is_silent_and_only_for_its_time) {
  RateLimits limits;
  const SteadyTime now{};
  limits.note(200, "60:transaction", "", now);
  EXPECT_TRUE(limits.limited(Category::transaction, now + 59s));
  EXPECT_FALSE(limits.limited(Category::transaction, now + 61s));
  EXPECT_FALSE(limits.limited(Category::error, now));
  limits.note(429, "", "7", now);
  EXPECT_TRUE(limits.limited(Category::error, now + 6s));
  EXPECT_FALSE(limits.limited(Category::error, now + 8s));
  EXPECT_TRUE(limits.limited(Category::transaction, now + 30s))
      << "a shorter limit does not end a longer one";
  limits.note(429, "", "Wed, 21 Oct 2026 07:28:00 GMT", now);
  EXPECT_TRUE(limits.limited(Category::session, now + 59s));
}

}  // namespace
}  // namespace voxanne::ops::sentry

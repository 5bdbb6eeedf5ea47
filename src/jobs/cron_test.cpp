#include "jobs/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::jobs {
namespace {

using testing::HasSubstr;

UtcTime at(std::string_view text) { return parse_rfc3339(text).value(); }

struct Example {
  const char* expression;
  const char* after;
  const char* next;
};

class CronExamples : public testing::TestWithParam<Example> {};

TEST_P(CronExamples, next_comes_when_every_cron_says) {
  const auto& [expression, after, next] = GetParam();
  const auto cron = Cron::parse(expression);
  ASSERT_TRUE(cron) << cron.error().message;
  EXPECT_EQ(to_rfc3339(cron->next_after(at(after))), std::string{next} + ":00.000Z");
  EXPECT_EQ(cron->latest_at(cron->next_after(at(after))), cron->next_after(at(after)));
  EXPECT_LE(cron->latest_at(at(after)), at(after));
}

INSTANTIATE_TEST_SUITE_P(
    , CronExamples,
    testing::Values(Example{"0 2 * * *", "2026-11-27T01:59:59.999Z", "2026-11-27T02:00"},
                    Example{"0 2 * * *", "2026-11-27T02:00:00Z", "2026-11-28T02:00"},
                    Example{"0 2 * * *", "2026-12-31T02:00:00.001Z", "2027-01-01T02:00"},
                    Example{"*/15 * * * *", "2026-11-27T12:07:00Z", "2026-11-27T12:15"},
                    Example{"5-20/5 9 * * *", "2026-11-27T09:11:00Z", "2026-11-27T09:15"},
                    Example{"5-20/5 9 * * *", "2026-11-27T09:20:00Z", "2026-11-28T09:05"},
                    Example{"59 23 28-31 * *", "2026-02-28T23:59:00Z", "2026-03-28T23:59"},
                    Example{"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00"},
                    Example{"0 0 29 2 */7", "2026-01-01T00:00:00Z", "2032-02-29T00:00"},
                    Example{"0 12 * * mon-FRI", "2026-11-27T12:00:00Z", "2026-11-30T12:00"},
                    Example{"0 12 * * 7", "2026-11-27T12:00:00Z", "2026-11-29T12:00"},
                    Example{"0 12 * * 5-7", "2026-11-28T12:00:00Z", "2026-11-29T12:00"},
                    Example{"0 12 13 * FRI", "2026-11-10T00:00:00Z", "2026-11-13T12:00"},
                    Example{"0 12 1 * 5", "2026-11-28T00:00:00Z", "2026-12-01T12:00"},
                    Example{"0 12 */2 * 5", "2026-11-20T13:00:00Z", "2026-11-27T12:00"},
                    Example{"0,30 8,20 1 JAN,jul *", "2026-01-01T20:30:00Z", "2026-07-01T08:00"},
                    Example{"  7\t3  * * * ", "2026-11-27T00:00:00Z", "2026-11-27T03:07"}));

TEST(Cron, counting_minute_by_minute_finds_the_same_times) {
  for (const char* expression : {"*/7 */5 * * *", "3 4 1-7 * 1", "0 0 31 * *", "10-40/15 22-23 */3 2,9 *"}) {
    const auto cron = Cron::parse(expression).value();
    UtcTime expected = cron.next_after(at("2026-01-30T00:00:00Z"));
    UtcTime last = cron.latest_at(at("2026-01-30T00:00:00Z"));
    for (UtcTime now = at("2026-01-30T00:00:00Z"); now < at("2026-03-05T00:00:00Z");
         now += std::chrono::minutes{1}) {
      if (now == expected) {
        last = now;
        expected = cron.next_after(now);
      }
      ASSERT_GT(expected, now) << expression;
      ASSERT_EQ(cron.next_after(now), expected) << expression << to_rfc3339(now);
      ASSERT_EQ(cron.latest_at(now), last) << expression << to_rfc3339(now);
    }
  }
}

TEST(Cron, what_cannot_be_read_names_its_field) {
  for (const auto& [expression, said] :
       std::vector<std::pair<const char*, const char*>>{{"", "0 fields"},
                                                        {"0 2 * *", "4 fields"},
                                                        {"0 2 * * * *", "6 fields"},
                                                        {"@daily", "1 fields"},
                                                        {"60 2 * * *", "minute \"60\""},
                                                        {"-1 2 * * *", "minute \"-1\""},
                                                        {"0 24 * * *", "hour \"24\""},
                                                        {"0 2 0 * *", "day of month \"0\""},
                                                        {"0 2 * 13 *", "month \"13\""},
                                                        {"0 2 * foo *", "month \"foo\""},
                                                        {"0 2 * * 8", "day of week \"8\""},
                                                        {"0 2 * * mon-", "day of week \"mon-\""},
                                                        {"5,,6 * * * *", "minute \"5,,6\""},
                                                        {"9-5 * * * *", "minute \"9-5\""},
                                                        {"*/0 * * * *", "minute \"*/0\""},
                                                        {"*/ * * * *", "minute \"*/\""},
                                                        {"5/2 * * * *", "minute \"5/2\""},
                                                        {"1-5-9 * * * *", "minute \"1-5-9\""},
                                                        {"99999999999 * * * *", "minute"},
                                                        {"0 0 30 2 *", "no year has such a day"}}) {
    const auto cron = Cron::parse(expression);
    ASSERT_TRUE(cron.has_error()) << expression;
    EXPECT_EQ(cron.error().code, "cron_malformed");
    EXPECT_EQ(cron.error().kind, Fault::malformed);
    EXPECT_THAT(cron.error().message, HasSubstr(said));
  }
}

}  // namespace
}  // namespace voxanne::jobs

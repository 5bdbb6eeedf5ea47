#include "api/routes/test_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

namespace json = boost::json;

class Dashboard : public testing::Test {
 protected:
  void add_calls(int count, const std::string& org, UtcTime newest, domain::Direction direction,
                 bool is_test = false) {
    store::Batch batch;
    for (int i = 0; i < count; ++i) {
      domain::Call call;
      call.id = CallId::make();
      call.org = OrgId{org};
      call.direction = direction;
      call.customer.number = "+4477009001" + std::to_string(10 + i % 90);
      call.created_at = newest - i * 1min;
      call.is_test = is_test;
      store::insert_call(batch, call, {"node", "boot"});
      if (i % 2 == 0) {
        const store::CallKey key{call.org, call.id};
        store::move_call(batch, key, domain::CallStatus::in_progress, call.created_at);
        store::end_call(batch, key,
                        {domain::CallStatus::ended, "customer-ended-call", domain::FaultParty::nobody, {}},
                        call.created_at + 30s);
      }
    }
    world.write(std::move(batch));
  }
  json::value page(const std::string& query, const std::string& org = "demo") {
    const auto answer = world.get("/api/calls-dashboard" + query, org);
    EXPECT_EQ(answer.status, 200) << query << answer.body;
    return answer.json();
  }

  World world;
};

TEST_F(Dashboard, an_empty_list_has_its_shape) {
  EXPECT_EQ(page(""),
            json::parse(
                R"({"calls":[],"pagination":{"page":1,"limit":20,"total":0,"pages":0,"nextCursor":null}})"));
}

TEST_F(Dashboard, pages_and_cursors_walk_the_same_list_newest_first) {
  add_calls(45, "demo", world.clock().utc(), domain::Direction::inbound);
  std::vector<std::string> by_page, by_cursor;
  for (int number = 1; number <= 3; ++number) {
    const auto list = page("?page=" + std::to_string(number));
    EXPECT_EQ(list.at("pagination").at("total"), 45);
    EXPECT_EQ(list.at("pagination").at("pages"), 3);
    EXPECT_EQ(list.at("pagination").at("page"), number);
    for (const auto& call : list.at("calls").as_array()) by_page.emplace_back(call.at("id").as_string());
  }
  std::string cursor;
  for (;;) {
    const auto list = page(cursor.empty() ? "?limit=7" : "?limit=7&cursor=" + cursor);
    for (const auto& call : list.at("calls").as_array()) by_cursor.emplace_back(call.at("id").as_string());
    if (list.at("pagination").at("nextCursor").is_null()) break;
    cursor = list.at("pagination").at("nextCursor").as_string();
  }
  EXPECT_EQ(by_page.size(), 45u);
  EXPECT_EQ(by_page, by_cursor);
  EXPECT_EQ(world.get("/api/calls?limit=7").json().at("calls").as_array().size(), 7u);
}

TEST_F(Dashboard, filters_select_and_totals_follow_where_a_counter_serves) {
  const UtcTime now = world.clock().utc();
  add_calls(10, "demo", now, domain::Direction::inbound);
  add_calls(4, "demo", now - 2h, domain::Direction::outbound);
  add_calls(3, "demo", now, domain::Direction::inbound, true);
  add_calls(5, "other", now, domain::Direction::inbound);
  struct Case {
    std::string query;
    std::size_t calls;
    json::value total;
  };
  for (const auto& [query, calls, total] :
       {Case{"", 14, 14}, Case{"?direction=outbound", 4, 4}, Case{"?status=ended", 7, 7},
        Case{"?status=queued&direction=inbound", 5, 5}, Case{"?includeTest=true", 17, 17},
        Case{"?from=" + to_rfc3339(now - 1h), 10, nullptr}, Case{"?to=" + to_rfc3339(now - 1h), 4, nullptr},
        Case{"?search=77009001", 14, nullptr}, Case{"?from=2020-01-01", 14, nullptr}}) {
    const auto list = page(query);
    EXPECT_EQ(list.at("calls").as_array().size(), calls) << query;
    EXPECT_EQ(list.at("pagination").at("total"), total) << query;
    for (const auto& call : list.at("calls").as_array()) EXPECT_EQ(call.at("orgId"), "demo");
  }
}

TEST_F(Dashboard, bad_parameters_are_answered_precisely) {
  struct Case {
    std::string query;
    int status;
    std::string code;
  };
  for (const auto& [query, status, code] :
       {Case{"?limit=x", 400, "invalid_parameter"}, Case{"?limit=0", 422, "bad_limit"},
        Case{"?limit=101", 422, "bad_limit"}, Case{"?page=0", 422, "bad_page"},
        Case{"?page=501", 422, "page_too_deep"}, Case{"?page=1e3", 400, "invalid_parameter"},
        Case{"?cursor=zzz", 400, "bad_cursor"}, Case{"?status=asleep", 400, "invalid_parameter"},
        Case{"?direction=up", 400, "invalid_parameter"}, Case{"?from=yesterday", 400, "invalid_parameter"},
        Case{"?to=2026-13-01", 400, "invalid_parameter"},
        Case{"?includeTest=maybe", 400, "invalid_parameter"}, Case{"?search=ab", 422, "search_too_short"}}) {
    const auto answer = world.get("/api/calls-dashboard" + query);
    EXPECT_EQ(answer.status, status) << query;
    EXPECT_EQ(answer.json().at("code"), json::string{code}) << query;
  }
}

TEST_F(Dashboard, statistics_have_every_bucket) {
  add_calls(10, "demo", world.clock().utc(), domain::Direction::inbound);
  add_calls(5, "other", world.clock().utc(), domain::Direction::inbound);
  for (const auto& [window, buckets] : {std::pair{"24h", 24u}, {"7d", 7u}, {"30d", 30u}}) {
    const auto stats = world.get(std::string{"/api/calls-dashboard/stats?window="} + window).json();
    EXPECT_EQ(stats.at("window"), window);
    EXPECT_EQ(stats.at("totals").at("answered"), 5) << window;
    EXPECT_EQ(stats.at("averageDuration"), 30);
    ASSERT_EQ(stats.at("series").as_array().size(), buckets);
    std::int64_t calls = 0;
    for (const auto& bucket : stats.at("series").as_array()) calls += bucket.at("calls").as_int64();
    EXPECT_EQ(calls, stats.at("totals").at("calls").as_int64());
  }
  EXPECT_TRUE(world.get("/api/calls-dashboard/stats", "empty").json().at("averageDuration").is_null());
  EXPECT_EQ(world.get("/api/calls-dashboard/stats?window=1y").status, 400);
}

}  // namespace
}  // namespace voxanne::api

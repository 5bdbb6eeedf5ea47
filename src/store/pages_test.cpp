// The dashboard's pages: every filter against a model of what it should show.
#include "store/calls.h"

#include "store/organizations.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace voxanne::store {
namespace {

using namespace test;
using domain::CallStatus;
using domain::Direction;

class Pages : public testing::Test {
 protected:
  // Calls of every kind; many share a millisecond, so that ties are met.
  void fill(int count) {
    std::mt19937 random{7};
    Batch batch;
    for (int i = 0; i < count; ++i) {
      domain::Call call = a_call();
      call.created_at = noon + milliseconds{random() % 40};
      call.direction = random() % 3 ? Direction::inbound : Direction::outbound;
      call.is_test = random() % 4 == 0;
      call.customer.number = "+4477009" + std::to_string(10'000 + i);
      insert_call(batch, call, this_boot);
      call.status = static_cast<CallStatus>(random() % 5);
      const CallKey key{call.org, call.id};
      if (call.status == CallStatus::ringing || call.status == CallStatus::in_progress)
        move_call(batch, key, call.status, call.created_at);
      else if (call.status != CallStatus::queued)
        end_call(batch, key, {call.status, "x", domain::FaultParty::nobody, ""}, call.created_at);
      model_.push_back(call);
      domain::Call other = a_call();
      other.org = rival;
      insert_call(batch, other, this_boot);
    }
    ASSERT_TRUE(store.run(store->write(std::move(batch))));
    // Newest first; of one millisecond, the one inserted last.
    std::ranges::sort(model_, [](const auto& a, const auto& b) {
      return std::pair{a.created_at, a.id} > std::pair{b.created_at, b.id};
    });
  }

  std::vector<CallId> expected(const CallFilter& filter) const {
    std::vector<CallId> ids;
    for (const domain::Call& call : model_)
      if ((filter.include_test || !call.is_test) && (!filter.status || call.status == *filter.status) &&
          (!filter.direction || call.direction == *filter.direction) &&
          (!filter.from || call.created_at >= *filter.from) && (!filter.to || call.created_at < *filter.to) &&
          call.customer.number.find(filter.search) != std::string::npos)
        ids.push_back(call.id);
    return ids;
  }

  Result<PageInfo> page(const CallFilter& filter, PageRequest request, std::vector<CallId>& ids) {
    return store.run(page_of_calls(*store, harbour, filter, request, [&](const Row& row) {
      EXPECT_EQ(row.text(call_column::org_id), "harbour");
      ids.push_back(CallId{row.str(call_column::id)});
    }));
  }

  // Walks to the end by cursor, and by page number; both must show the model.
  void walk(const CallFilter& filter, const std::string& what) {
    SCOPED_TRACE(what);
    const auto all = expected(filter);
    std::vector<CallId> by_cursor;
    PageRequest request{.limit = 7};
    for (;;) {
      const auto info = page(filter, request, by_cursor);
      ASSERT_TRUE(info) << info.error().message;
      if (!filter.from && !filter.to)
        EXPECT_EQ(info->total, static_cast<std::int64_t>(all.size()));
      else
        EXPECT_FALSE(info->total);
      if (!info->next) break;
      request.after = parse_cursor(to_string(*info->next)).value();
      ASSERT_LE(by_cursor.size(), all.size());
    }
    EXPECT_EQ(by_cursor, all);

    std::vector<CallId> by_number;
    for (int number = 1; number <= 1 + int(all.size()) / 7; ++number)
      ASSERT_TRUE(page(filter, {.limit = 7, .page = number}, by_number));
    EXPECT_EQ(by_number, all);
  }

  void find_by_parts(bool open);

  TempStore store;
  std::vector<domain::Call> model_;
};

TEST_F(Pages, every_combination_of_filters_shows_exactly_its_calls) {
  fill(300);
  for (int mask = 0; mask < 32; ++mask) {
    CallFilter filter;
    if (mask & 1) filter.status = CallStatus::failed;
    if (mask & 2) filter.direction = Direction::outbound;
    filter.include_test = mask & 4;
    if (mask & 8) filter.from = noon + 10ms;
    if (mask & 16) filter.to = noon + 25ms;
    walk(filter, "mask " + std::to_string(mask));
  }
}

TEST_F(Pages, every_status_and_direction_has_its_page_and_total) {
  fill(200);
  for (const auto status : {CallStatus::queued, CallStatus::ringing, CallStatus::in_progress,
                            CallStatus::ended, CallStatus::failed})
    for (const auto direction : {Direction::inbound, Direction::outbound})
      walk({.status = status, .direction = direction}, std::string{to_string(status)});
}

void Pages::find_by_parts(bool open) {
  const auto add = [&](std::string number, std::string name, std::string summary) {
    domain::Call call = a_call();
    call.customer = {std::move(number), std::move(name)};
    EXPECT_TRUE(store.write([&](Batch& b) {
      insert_call(b, call, this_boot);
      if (!open)
        end_call(b, {call.org, call.id}, {CallStatus::ended, "x", domain::FaultParty::nobody, ""}, noon);
      summarize_call(b, {call.org, call.id}, {.summary = std::move(summary)});
    }));
    return call.id;
  };
  const CallId ada = add("+447700900123", "Ada Lovelace", "Asked about \"whitening\" prices");
  const CallId emile = add("+4915112345678", "\xc3\x89mile Zola", "Wants an appointment, 100% sure");
  const auto find = [&](std::string text) {
    std::vector<CallId> ids;
    const auto info = page({.search = std::move(text)}, {}, ids);
    EXPECT_TRUE(info) << info.error().message;
    return ids;
  };
  using testing::ElementsAre;
  EXPECT_THAT(find("900123"), ElementsAre(ada));
  EXPECT_THAT(find("+44 7700 900"), ElementsAre(ada));
  EXPECT_THAT(find("07700 900-123"), ElementsAre(ada));
  EXPECT_THAT(find("lOVel"), ElementsAre(ada));
  EXPECT_THAT(find("mile z"), ElementsAre(emile));
  EXPECT_THAT(find("\"whitening\""), ElementsAre(ada));
  EXPECT_THAT(find("appointment"), ElementsAre(emile));
  EXPECT_THAT(find("Ada OR Zola"), ElementsAre()) << "text, not a query language";
  EXPECT_THAT(find("* AND \""), ElementsAre());
  EXPECT_THAT(find(std::string{"Ada\0Lov", 7}), ElementsAre(ada)) << "a zero is a space";
  EXPECT_THAT(find("100%"), ElementsAre(emile));
  EXPECT_THAT(find("Wan_s"), ElementsAre());
}

TEST_F(Pages, search_finds_parts_of_numbers_names_and_summaries_of_ended_calls) { find_by_parts(false); }
TEST_F(Pages, search_finds_parts_of_numbers_names_and_summaries_of_open_calls) { find_by_parts(true); }

TEST_F(Pages, search_finds_whole_words_of_what_was_said) {
  const auto add = [&](const OrgId& org, std::string said, std::string answered, bool open) {
    domain::Call call = a_call();
    call.org = org;
    EXPECT_TRUE(store.write([&](Batch& b) {
      const CallKey key{call.org, call.id};
      insert_call(b, call, this_boot);
      domain::Turn turn;
      turn.id = TurnId::make();
      turn.text = std::move(said);
      put_turn(b, key, turn);
      turn.id = TurnId::make();
      turn.speaker = domain::Speaker::assistant;
      turn.text = std::move(answered);
      put_turn(b, key, turn);
      if (!open) end_call(b, key, {CallStatus::ended, "x", domain::FaultParty::nobody, ""}, noon);
      summarize_call(b, key, {.summary = "About whitening"});
    }));
    return call.id;
  };
  const CallId parking = add(harbour, "Is there a wheelchair ramp?", "Yes, beside the caf\xc3\xa9.", false);
  const CallId braces = add(harbour, "Do you fit braces, and whitening?", "We do both.", false);
  add(rival, "Is there a wheelchair ramp for braces?", "No.", false);
  const CallId now = add(harbour, "I lost a filling near the ramp", "Oh dear", true);
  const auto find = [&](std::string text) {
    std::vector<CallId> ids;
    const auto info = page({.search = std::move(text)}, {}, ids);
    EXPECT_TRUE(info) << info.error().message;
    return ids;
  };
  using testing::ElementsAre;
  EXPECT_THAT(find("wheelchair"), ElementsAre(parking));
  EXPECT_THAT(find("RAMP wheelchair"), ElementsAre(parking)) << "all words, in any order";
  EXPECT_THAT(find("beside the cafe"), ElementsAre(parking)) << "of any turn, without accents";
  EXPECT_THAT(find("ramp"), ElementsAre(now, parking)) << "also while it is being said";
  EXPECT_THAT(find("wheelch"), ElementsAre()) << "whole words";
  EXPECT_THAT(find("whitening"), ElementsAre(now, braces, parking)) << "said or summarized, each once";
  EXPECT_THAT(find("braces AND NOT (x OR *)"), ElementsAre()) << "text, not a query language";
  EXPECT_THAT(find("\"braces\""), ElementsAre(braces));
  EXPECT_THAT(find("?!?"), ElementsAre());

  // What changes after the end is found as it is then; what is erased is gone.
  domain::Turn late;
  late.id = TurnId::make();
  late.text = "Also an amalgam";
  ASSERT_TRUE(store.write([&](Batch& b) { put_turn(b, {harbour, braces}, late); }));
  EXPECT_THAT(find("amalgam"), ElementsAre(braces));
  late.text = "Also a veneer";
  ASSERT_TRUE(store.write([&](Batch& b) { put_turn(b, {harbour, braces}, late); }));
  EXPECT_THAT(find("amalgam"), ElementsAre());
  EXPECT_THAT(find("veneer both"), ElementsAre(braces));
  ASSERT_TRUE(store.write([&](Batch& b) { erase_call(b, {harbour, braces}); }));
  EXPECT_THAT(find("veneer"), ElementsAre());
  EXPECT_THAT(find("whitening"), ElementsAre(now, parking));
}

TEST_F(Pages, a_short_id_of_an_organization_is_searched_too) {
  for (const char* name : {"x", "xy", "an-organization-with-a-long-id"}) {
    const OrgId org{name};
    domain::Call call = a_call();
    call.org = org;
    ASSERT_TRUE(store.write([&](Batch& b) {
      put_organization(b, {org, name, "UTC", 0}, noon);
      insert_call(b, call, this_boot);
      end_call(b, {org, call.id}, {CallStatus::ended, "x", domain::FaultParty::nobody, ""}, noon);
    }));
    std::vector<std::string> found;
    ASSERT_TRUE(store.run(page_of_calls(*store, org, {.search = "Lovelace"}, {},
                                        [&](const Row& row) { found.push_back(row.str(call_column::id)); })));
    EXPECT_THAT(found, testing::ElementsAre(call.id.str()));
  }
}

TEST_F(Pages, searches_out_of_bounds_are_refused_precisely) {
  std::vector<CallId> none;
  EXPECT_EQ(page({.search = "ab"}, {}, none).error().code, "search_too_short");
  EXPECT_EQ(page({.search = "\xc3\x89m"}, {}, none).error().code, "search_too_short");
  EXPECT_EQ(page({.search = "ab\xff"}, {}, none).error().code, "bad_search");
  EXPECT_EQ(page({.search = std::string(101, 'a')}, {}, none).error().code, "search_too_long");
}

TEST_F(Pages, search_combines_with_every_filter_and_pages_newest_first) {
  fill(300);
  for (int mask = 0; mask < 32; ++mask) {
    CallFilter filter{.search = "77009100"};  // a hundred numbers
    if (mask & 1) filter.status = CallStatus::ended;
    if (mask & 2) filter.direction = Direction::inbound;
    filter.include_test = mask & 4;
    if (mask & 8) filter.from = noon + 10ms;
    if (mask & 16) filter.to = noon + 25ms;
    auto all = expected(filter);
    std::sort(all.begin(), all.end(), std::greater<>{});  // by insertion, as ids are made
    std::vector<CallId> ids;
    PageRequest request{.limit = 4};
    for (;;) {
      const auto info = page(filter, request, ids);
      ASSERT_TRUE(info);
      if (!info->next) break;
      request.after = info->next;
    }
    EXPECT_EQ(ids, all) << mask;
  }
}

// A journal may have held some back while the database was away.
TEST_F(Pages, a_search_within_a_time_finds_what_was_stored_late) {
  std::mt19937 random{5};
  Batch batch;
  for (int i = 0; i < 300; ++i) {
    domain::Call call = a_call();
    call.created_at = noon + std::chrono::hours{i} - std::chrono::minutes{random() % (47 * 60)};
    call.customer.number = "+447700910" + std::to_string(100 + i);
    insert_call(batch, call, this_boot);
    const CallKey key{call.org, call.id};
    call.status = i % 3 ? CallStatus::ended : CallStatus::ringing;
    if (call.status == CallStatus::ringing)
      move_call(batch, key, call.status, call.created_at);
    else
      end_call(batch, key, {call.status, "x", domain::FaultParty::nobody, ""}, call.created_at);
    model_.push_back(call);
  }
  ASSERT_TRUE(store.run(store->write(std::move(batch))));
  std::size_t found = 0;
  for (int round = 0; round < 60; ++round) {
    CallFilter filter{.search = "77009"};
    if (round % 3) filter.from = noon + std::chrono::hours{int(random() % 400) - 100};
    if (round % 3 != 1) filter.to = noon + std::chrono::hours{int(random() % 400) - 100};
    if (round % 4 == 0) filter.status = round % 8 ? CallStatus::ringing : CallStatus::ended;
    auto all = expected(filter);
    std::ranges::reverse(all);
    std::vector<CallId> ids;
    PageRequest request{.limit = 50};
    for (;;) {
      const auto info = page(filter, request, ids);
      ASSERT_TRUE(info);
      if (!info->next) break;
      request.after = info->next;
    }
    EXPECT_EQ(ids, all) << round;
    found += ids.size();
  }
  EXPECT_GT(found, 1'000u);
}

TEST_F(Pages, requests_out_of_bounds_are_refused_precisely) {
  std::vector<CallId> none;
  const auto code = [&](PageRequest request) {
    const auto info = page({}, request, none);
    return info ? "" : info.error().code;
  };
  EXPECT_EQ(code({.limit = 0}), "bad_limit");
  EXPECT_EQ(code({.limit = 101}), "bad_limit");
  EXPECT_EQ(code({.limit = 20, .page = 0}), "bad_page");
  EXPECT_EQ(code({.limit = 20, .page = 500}), "");
  EXPECT_EQ(code({.limit = 20, .page = 501}), "page_too_deep");
  EXPECT_EQ(code({.limit = 100, .page = std::numeric_limits<int>::max()}), "page_too_deep");
  EXPECT_EQ(code({.limit = 20, .page = 501, .after = Cursor{1, 1}}), "") << "a cursor goes to any depth";
}

// A list by key, walked by cursor and by number with every limit, shows each row once and in order.
TEST(KeyPages, show_every_row_once_whatever_the_limit) {
  TempStore store;
  std::vector<std::string> ids{"reception"};
  for (int i = 0; i < 11; ++i) {
    domain::Assistant assistant;
    assistant.org = i % 3 ? harbour : rival;
    assistant.id = AssistantId{"assistant-" + std::to_string(i)};
    assistant.name = "A";
    ASSERT_TRUE(store.write([&](Batch& b) { put_assistant(b, assistant, noon); }));
    if (i % 3) ids.push_back(assistant.id.str());
  }
  std::ranges::sort(ids);
  for (int limit = 1; limit <= int(ids.size()) + 1; ++limit) {
    std::vector<std::string> by_cursor, by_number;
    KeyPage page{.limit = limit};
    for (int number = 1;; ++number) {
      const auto numbered =
          store.run(page_of_assistants(*store, harbour, {.limit = limit, .page = number})).value();
      for (const auto& one : numbered.items) by_number.push_back(one.id.str());
      const auto listed = store.run(page_of_assistants(*store, harbour, page)).value();
      for (const auto& one : listed.items) by_cursor.push_back(one.id.str());
      ASSERT_EQ(listed.next, numbered.next);
      if (!listed.next) break;
      page.after = parse_key_cursor(key_cursor(*listed.next)).value();
    }
    EXPECT_EQ(by_cursor, ids) << limit;
    EXPECT_EQ(by_number, ids) << limit;
  }
  EXPECT_EQ(store.run(page_of_assistants(*store, harbour, {.limit = 101})).error().code, "bad_limit");
  EXPECT_EQ(store.run(page_of_assistants(*store, harbour, {.page = 501})).error().code, "page_too_deep");
  for (const char* bad : {"", "!", "MS4x", "ay4"})
    EXPECT_EQ(parse_key_cursor(bad).error().code, "bad_cursor") << bad;
}

TEST(Cursors, round_trip_and_refuse_what_is_not_ours) {
  for (const Cursor& cursor : {Cursor{}, Cursor{0, 0}, Cursor{1'764'000'000'000, 42}})
    EXPECT_EQ(parse_cursor(to_string(cursor)).value(), cursor);
  for (const char* bad :
       {"", "MQ", "MS4", "LjE", "MS4xLjE", "LTEuMQ", "MS4xIA", "!!!!", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5LjE"}) {
    const auto cursor = parse_cursor(bad);
    ASSERT_FALSE(cursor) << bad;
    EXPECT_EQ(cursor.error().code, "bad_cursor");
  }
  EXPECT_FALSE(parse_cursor(std::string(1'000, 'A')));
}

}  // namespace
}  // namespace voxanne::store

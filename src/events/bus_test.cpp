#include "events/bus.h"

#include "async/thread.h"
#include "support/virtual_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace voxanne::events {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::function<void()> sets(async::Event& event) {
  return [&event] { event.set(); };
}

class BusTest : public testing::Test {
 protected:
  Event event(std::string org, std::string data = "{}") {
    return {EventType::call_updated, OrgId{std::move(org)}, CallId{"call_1"}, std::move(data), UtcTime{}};
  }
  static std::vector<std::string> texts(Subscription& reader) {
    std::vector<std::string> all;
    for (const auto& frame : reader.take(SIZE_MAX)) all.push_back(*frame);
    reader.consumed();
    return all;
  }
  static std::uint64_t seq_of(const std::string& frame) {
    return std::stoull(frame.substr(frame.find(R"("seq":)") + 6));
  }

  async::Loop loop;
  async::Event changed{loop.get_executor()};
  test::VirtualClock clock{loop};
};

TEST_F(BusTest, a_frame_is_the_contract_s_json) {
  Bus bus{clock};
  const auto reader = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), sets(changed));
  bus.publish({EventType::call_started, OrgId{"a"}, CallId{"call_1"}, R"({"status":"ringing"})", UtcTime{}});
  bus.publish({EventType::provider_health, OrgId{"a"}, CallId{}, "", from_unix_ms(1'500)});
  EXPECT_THAT(
      texts(*reader),
      ElementsAre(
          R"({"type":"call.started","seq":1,"at":"1970-01-01T00:00:00.000Z","callId":"call_1","data":{"status":"ringing"}})",
          R"({"type":"provider.health","seq":2,"at":"1970-01-01T00:00:01.500Z","callId":null,"data":{}})"));
}

TEST_F(BusTest, what_concerns_all_reaches_all_that_ever_listened) {
  Bus bus{clock};
  const auto a = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), sets(changed));
  bus.publish(event("b"));
  bus.publish_to_all({EventType::provider_health, {}, {}, R"({"service":"storage","healthy":false})", {}});
  EXPECT_THAT(texts(*a), ElementsAre(AllOf(HasSubstr(R"("seq":1,)"), HasSubstr(R"("healthy":false)"))));
  const auto b = bus.subscribe(OrgId{"b"}, Since{bus.epoch(), 1}, loop.get_executor(), sets(changed));
  EXPECT_THAT(texts(*b), ElementsAre(HasSubstr(R"("seq":2,)")));
}

TEST_F(BusTest, a_position_of_an_epoch_before_is_known_without_its_name) {
  std::uint64_t last = 0;
  {
    Bus before{clock, {.first_seq = 1'790'000'000'000}};
    for (int i = 0; i < 3; ++i) last = before.publish(event("a"));
    EXPECT_EQ(last, 1'790'000'000'002u);
  }
  Bus bus{clock, {.first_seq = 1'790'000'060'000}};
  for (int i = 0; i < 5; ++i) bus.publish(event("a"));
  EXPECT_TRUE(bus.subscribe(OrgId{"a"}, Since{"", last}, loop.get_executor(), sets(changed))->resync());
  EXPECT_EQ(texts(*bus.subscribe(OrgId{"a"}, Since{"", 0}, loop.get_executor(), sets(changed))).size(), 5u);
  EXPECT_FALSE(
      bus.subscribe(OrgId{"a"}, Since{"", 1'790'000'060'002}, loop.get_executor(), sets(changed))->resync());
}

TEST_F(BusTest, seq_is_dense_per_organization_and_organizations_are_apart) {
  Bus bus{clock};
  const auto a = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), sets(changed));
  const auto b = bus.subscribe(OrgId{"b"}, {}, loop.get_executor(), sets(changed));
  EXPECT_EQ(bus.publish(event("a", R"("for a")")), 1u);
  EXPECT_EQ(bus.publish(event("b", R"("for b")")), 1u);
  EXPECT_EQ(bus.publish(event("a", R"("for a")")), 2u);
  EXPECT_THAT(texts(*a),
              ElementsAre(HasSubstr("for a"), AllOf(HasSubstr("for a"), HasSubstr(R"("seq":2,)"))));
  EXPECT_THAT(texts(*b), ElementsAre(HasSubstr("for b")));
}

TEST_F(BusTest, since_replays_what_was_missed_and_then_goes_on) {
  Bus bus{clock};
  for (int i = 0; i < 5; ++i) bus.publish(event("a"));
  const auto reader = bus.subscribe(OrgId{"a"}, Since{bus.epoch(), 3}, loop.get_executor(), sets(changed));
  bus.publish(event("a"));
  EXPECT_FALSE(reader->resync());
  EXPECT_EQ(reader->head(), 5u);
  const auto frames = texts(*reader);
  ASSERT_EQ(frames.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(seq_of(frames[i]), 4 + i);
}

TEST_F(BusTest, since_without_an_epoch_is_taken_as_the_current_one) {
  Bus bus{clock};
  for (int i = 0; i < 5; ++i) bus.publish(event("a"));
  const auto reader = bus.subscribe(OrgId{"a"}, Since{"", 4}, loop.get_executor(), sets(changed));
  EXPECT_FALSE(reader->resync());
  EXPECT_EQ(texts(*reader).size(), 1u);
}

TEST_F(BusTest, another_epoch_the_future_and_what_is_gone_are_resync) {
  Bus::Options options;
  options.keep_events = 10;
  Bus bus{clock, options};
  for (int i = 0; i < 10; ++i) bus.publish(event("a"));
  clock.run_for(11min);
  for (int i = 0; i < 10; ++i) bus.publish(event("a"));  // seq 1–10 leave the ring
  struct Case {
    Since since;
    bool resync;
  };
  for (const auto& [since, resync] :
       {Case{{"another", 19}, true}, Case{{bus.epoch(), 21}, true}, Case{{bus.epoch(), 9}, true},
        Case{{bus.epoch(), 10}, false}, Case{{bus.epoch(), 20}, false}}) {
    const auto reader = bus.subscribe(OrgId{"a"}, since, loop.get_executor(), sets(changed));
    EXPECT_EQ(reader->resync(), resync) << since.epoch << ' ' << since.seq;
    EXPECT_EQ(reader->head(), 20u);
    EXPECT_EQ(reader->take(SIZE_MAX).size(), resync ? 0 : 20 - since.seq);
  }
}

TEST_F(BusTest, everything_younger_than_ten_minutes_stays_however_many) {
  Bus bus{clock};
  for (int i = 0; i < 3'000; ++i) bus.publish(event("a"));
  clock.run_for(9min);
  bus.publish(event("a"));
  EXPECT_FALSE(
      bus.subscribe(OrgId{"a"}, Since{bus.epoch(), 0}, loop.get_executor(), sets(changed))->resync());
  clock.run_for(2min);
  bus.publish(event("a"));
  EXPECT_TRUE(bus.subscribe(OrgId{"a"}, Since{bus.epoch(), 0}, loop.get_executor(), sets(changed))->resync());
  EXPECT_FALSE(
      bus.subscribe(OrgId{"a"}, Since{bus.epoch(), 3'002 - 1'000}, loop.get_executor(), sets(changed))
          ->resync());
}

TEST_F(BusTest, the_largest_ring_gives_way_when_all_are_over_the_limit) {
  Bus::Options options;
  options.max_bytes = 100'000;
  Bus bus{clock, options};
  const std::string payload = '"' + std::string(500, 'x') + '"';
  for (int i = 0; i < 20; ++i) bus.publish(event("small", payload));
  for (int i = 0; i < 1'000; ++i) {
    bus.publish(event("large", payload));
    ASSERT_LE(bus.bytes(), options.max_bytes);
  }
  EXPECT_FALSE(
      bus.subscribe(OrgId{"small"}, Since{bus.epoch(), 0}, loop.get_executor(), sets(changed))->resync());
  EXPECT_TRUE(
      bus.subscribe(OrgId{"large"}, Since{bus.epoch(), 0}, loop.get_executor(), sets(changed))->resync());
  EXPECT_FALSE(
      bus.subscribe(OrgId{"large"}, Since{bus.epoch(), 950}, loop.get_executor(), sets(changed))->resync());
}

TEST_F(BusTest, who_does_not_send_what_it_took_falls_far_behind) {
  Bus::Options options;
  options.max_behind = 10'000;
  Bus bus{clock, options};
  int looks = 0;
  const auto slow = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), [&] { ++looks; });
  const auto quick = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), sets(changed));
  const std::string payload = '"' + std::string(900, 'x') + '"';
  bus.publish(event("a", payload));
  EXPECT_EQ(slow->take(SIZE_MAX).size(), 1u);  // taken, but never sent
  for (int i = 0; i < 20; ++i) {
    loop.restart();
    loop.poll();
    EXPECT_EQ(looks, i + 1) << "whoever sends is told of each event as well";
    bus.publish(event("a", payload));
    EXPECT_EQ(texts(*quick).size(), i == 0 ? 2u : 1u);
    EXPECT_EQ(slow->far_behind(), i >= 9) << i;
  }
  EXPECT_FALSE(quick->far_behind());
  EXPECT_FALSE(slow->overrun());
  EXPECT_EQ(slow->take(SIZE_MAX).size(), 20u) << "nothing is lost to it";
  slow->consumed();
  EXPECT_FALSE(slow->far_behind());
}

TEST_F(BusTest, who_needs_what_the_ring_has_lost_is_overrun_and_takes_nothing_more) {
  Bus::Options options;
  options.max_bytes = 20'000;
  Bus bus{clock, options};
  const auto slow = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), sets(changed));
  const std::string payload = '"' + std::string(900, 'x') + '"';
  for (int i = 0; i < 10; ++i) bus.publish(event("a", payload));
  loop.poll();
  EXPECT_FALSE(slow->overrun());
  changed.reset();
  // Another's events may be what takes the room.
  for (int i = 0; i < 9; ++i) bus.publish(event("b", payload));
  EXPECT_TRUE(slow->overrun());
  loop.restart();
  loop.poll();
  EXPECT_TRUE(changed.is_set());
  EXPECT_TRUE(slow->take(SIZE_MAX).empty());
}

TEST_F(BusTest, what_was_said_of_a_forgotten_call_is_given_to_nobody) {
  Bus bus{clock};
  const auto of = [&](std::string call) {
    return Event{EventType::transcript_final, OrgId{"a"}, CallId{std::move(call)},
                 R"({"text":"\"callId\":\"call_2\""})", UtcTime{}};
  };
  const auto since = [&](std::uint64_t seq) {
    return bus.subscribe(OrgId{"a"}, Since{bus.epoch(), seq}, loop.get_executor(), sets(changed));
  };
  bus.publish(of("call_1"));
  bus.publish(of("call_2"));
  const auto in_time = since(2), late = since(1);
  bus.publish(of("call_22"));
  bus.publish({EventType::transcript_final, OrgId{"b"}, CallId{"call_2"}, "{}", UtcTime{}});
  const auto before = bus.bytes();
  bus.forget(OrgId{"a"}, CallId{"call_2"});
  bus.forget(OrgId{"a"}, CallId{"call_3"});
  bus.forget(OrgId{"none"}, CallId{"call_2"});
  EXPECT_LT(bus.bytes(), before);
  EXPECT_TRUE(since(0)->resync());
  EXPECT_TRUE(since(1)->resync());
  EXPECT_FALSE(since(2)->resync());
  EXPECT_THAT(texts(*since(2)), ElementsAre(HasSubstr(R"("seq":3,)")));
  EXPECT_TRUE(late->overrun());
  EXPECT_FALSE(in_time->overrun());
  EXPECT_EQ(texts(*in_time).size(), 1u);
  EXPECT_FALSE(
      bus.subscribe(OrgId{"b"}, Since{bus.epoch(), 0}, loop.get_executor(), sets(changed))->resync());
  bus.forget(OrgId{"a"}, CallId{"call_22"});
  EXPECT_EQ(bus.publish(of("call_4")), 4u);
  EXPECT_THAT(texts(*in_time), ElementsAre(HasSubstr(R"("seq":4,)")));
  EXPECT_TRUE(since(0)->resync());
}

TEST_F(BusTest, a_long_replay_is_no_backlog) {
  Bus::Options options;
  options.max_behind = 10'000;
  Bus bus{clock, options};
  const std::string payload = '"' + std::string(900, 'x') + '"';
  for (int i = 0; i < 100; ++i) bus.publish(event("a", payload));
  const auto reader = bus.subscribe(OrgId{"a"}, Since{bus.epoch(), 0}, loop.get_executor(), sets(changed));
  bus.publish(event("a", payload));
  EXPECT_FALSE(reader->far_behind());
  EXPECT_EQ(texts(*reader).size(), 101u);
}

TEST_F(BusTest, frames_come_in_bounded_portions) {
  Bus bus{clock};
  const auto reader = bus.subscribe(OrgId{"a"}, {}, loop.get_executor(), sets(changed));
  for (int i = 0; i < 3; ++i) bus.publish(event("a", '"' + std::string(900, 'x') + '"'));
  EXPECT_EQ(reader->take(2'100).size(), 2u);
  EXPECT_EQ(reader->take(1).size(), 1u);  // at least one, or it would never be sent
  EXPECT_TRUE(reader->take(1).empty());
}

TEST_F(BusTest, an_organization_that_nobody_used_is_forgotten) {
  Bus bus{clock};
  const auto bytes = bus.bytes();
  for (int i = 0; i < 100; ++i)
    bus.subscribe(OrgId{"o" + std::to_string(i)}, {}, loop.get_executor(), sets(changed));
  EXPECT_EQ(bus.bytes(), bytes);
}

async::Task<> read_until(Subscription& reader, async::Event& changed, std::uint64_t last,
                         std::vector<std::uint64_t>& seen) {
  while (seen.empty() || seen.back() < last) {
    co_await changed.wait();
    changed.reset();
    for (auto frames = reader.take(10'000); !frames.empty(); frames = reader.take(10'000)) {
      for (const auto& frame : frames)
        seen.push_back(std::stoull(frame->substr(frame->find(R"("seq":)") + 6)));
      reader.consumed();
    }
  }
}

TEST(BusThreads, readers_on_other_loops_miss_nothing_while_several_threads_publish) {
  constexpr int publishers = 3, each = 400;
  async::SystemClock clock;
  Bus bus{clock};
  async::LoopThread web{"web"};
  std::vector<std::uint64_t> seen;
  async::Event changed{web.executor()};
  auto reader = bus.subscribe(OrgId{"a"}, {}, web.executor(), sets(changed));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < publishers; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < each; ++i) bus.publish({EventType::stats_updated, OrgId{"a"}, {}, "{}", {}});
      });
    async::run_on(web.executor(), read_until(*reader, changed, publishers * each, seen));
  }
  ASSERT_EQ(seen.size(), std::size_t{publishers * each});
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i + 1);
  async::run_on(web.executor(), [](std::unique_ptr<Subscription> done) -> async::Task<> {
    done.reset();
    co_return;
  }(std::move(reader)));
}

}  // namespace
}  // namespace voxanne::events

#include "media/shard.h"

#include "media/lag_histogram.h"
#include "media/slot_clock.h"
#include "media/tee.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>

namespace voxanne::media {
namespace {

struct Leg final : Ticked {
  std::function<void(SteadyTime)> tick = [](SteadyTime) {};
  int ticks = 0;
  void on_tick(SteadyTime now) override {
    ++ticks;
    tick(now);
  }
};

class ManualShard : public testing::Test {
 protected:
  async::Loop loop_{1};
  Shard shard_{loop_.get_executor()};
};

TEST_F(ManualShard, legs_may_remove_themselves_and_each_other_inside_a_tick) {
  Leg first, second, third;
  shard_.add(first);
  shard_.add(second);
  shard_.add(third);
  second.tick = [&](SteadyTime) {
    shard_.remove(second);
    shard_.remove(third);
    shard_.remove(first);
  };
  shard_.tick({});
  EXPECT_EQ(shard_.size(), 0u);
  shard_.tick({});
  EXPECT_EQ(first.ticks, 1);
  EXPECT_EQ(second.ticks, 1);
  EXPECT_EQ(third.ticks, 0) << "removed before its turn";
}

TEST_F(ManualShard, a_leg_added_inside_a_tick_starts_with_the_next) {
  Leg adder, added;
  adder.tick = [&](SteadyTime) {
    if (adder.ticks == 1) shard_.add(added);
  };
  shard_.add(adder);
  shard_.tick({});
  EXPECT_EQ(added.ticks, 0);
  shard_.tick({});
  EXPECT_EQ(added.ticks, 1);
}

TEST_F(ManualShard, one_leg_that_throws_does_not_cost_the_others_their_tick) {
  Leg broken, sound;
  broken.tick = [](SteadyTime) { throw std::runtime_error("defect"); };
  shard_.add(broken);
  shard_.add(sound);
  shard_.tick({});
  EXPECT_EQ(sound.ticks, 1);
}

TEST_F(ManualShard, removing_an_unknown_leg_changes_nothing) {
  Leg known, unknown;
  shard_.add(known);
  shard_.remove(unknown);
  EXPECT_EQ(shard_.size(), 1u);
}

TEST(ShardTest, ticks_in_real_time_without_drift) {
  Shard shard{"test"};
  Leg leg;
  std::promise<void> done;
  std::vector<SteadyTime> times;
  leg.tick = [&](SteadyTime now) {
    times.push_back(now);
    if (now - times.front() >= milliseconds{100}) {
      shard.remove(leg);
      done.set_value();
    }
  };
  async::asio::post(shard.executor(), [&] { shard.add(leg); });
  done.get_future().wait();
  const auto lag = shard.tick_lag();
  // Twenty intervals, of which a busy machine may skip some, which are then counted.
  EXPECT_GE(times.size() + lag.missed, 20u);
  EXPECT_LE(times.size(), static_cast<std::size_t>((times.back() - times.front()) / tick_interval) + 2);
  EXPECT_GE(lag.worst, lag.p50 * 7 / 8);
  EXPECT_EQ(shard.size(), 0u);
}

TEST(SlotClockTest, one_slot_per_twenty_milliseconds_however_ticks_come) {
  const SteadyTime start{seconds{10}};
  for (std::size_t phase = 0; phase < 4; ++phase) {
    SlotClock clock{start, phase};
    int slots = 0;
    SteadyTime now = start;
    unsigned random = 7;
    while (now < start + seconds{60}) {
      slots += clock.due(now).slots;
      random = random * 1'103'515'245 + 12'345;
      now += milliseconds{5 + (random >> 16) % 9};  // late by up to 8 ms, never caught up by itself
    }
    EXPECT_NEAR(slots, 3'000, 1) << phase;
  }
}

TEST(SlotClockTest, phases_spread_over_the_ticks_of_a_slot) {
  const SteadyTime start{};
  for (std::size_t phase = 0; phase < 4; ++phase) {
    SlotClock clock{start, phase};
    for (std::size_t tick = 0; tick < 8; ++tick)
      EXPECT_EQ(clock.due(start + milliseconds{5} * static_cast<int>(tick)).slots, tick % 4 == phase ? 1 : 0);
  }
}

TEST(SlotClockTest, catches_up_after_a_stall_two_slots_a_tick) {
  const SteadyTime start{};
  SlotClock clock{start, 0};
  EXPECT_EQ(clock.due(start).slots, 1);
  const SteadyTime after = start + milliseconds{200};
  int slots = 0;
  for (int tick = 0; tick < 8; ++tick) {
    const auto due = clock.due(after + milliseconds{5 * tick});
    EXPECT_EQ(due.skipped, 0);
    slots += due.slots;
  }
  EXPECT_EQ(slots, 11) << "the ten that were missed and the one that became due meanwhile";
}

TEST(SlotClockTest, gives_up_what_is_more_than_a_second_behind) {
  const SteadyTime start{};
  SlotClock clock{start, 0};
  clock.due(start);
  const auto due = clock.due(start + seconds{3});
  EXPECT_EQ(due.skipped, 149);
  EXPECT_EQ(due.slots, 1);
  EXPECT_EQ(clock.due(start + seconds{3} + milliseconds{5}).slots, 0);
}

TEST(LagHistogramTest, quantiles_are_right_to_an_eighth) {
  LagHistogram histogram{10'000};
  EXPECT_EQ(histogram.quantile(0.5).count(), 0);
  for (int us = 1; us <= 9'999; ++us) histogram.add(std::chrono::microseconds{us});
  for (const double q : {0.01, 0.5, 0.99}) {
    const double exact = q * 9'999;
    const auto got = static_cast<double>(histogram.quantile(q).count());
    EXPECT_GE(got, exact * 0.999) << q;
    EXPECT_LE(got, exact * 1.13) << q;
  }
  EXPECT_EQ(histogram.worst().count(), 9'999);
}

TEST(LagHistogramTest, forgets_what_is_two_windows_old) {
  LagHistogram histogram{100};
  histogram.add(std::chrono::seconds{50});
  for (int i = 0; i < 201; ++i) histogram.add(std::chrono::microseconds{100});
  EXPECT_LT(histogram.worst().count(), 200);
  EXPECT_LT(histogram.quantile(1).count(), 200);
}

TEST(TeeTest, the_tap_sees_both_directions_of_the_same_slot) {
  struct Speaker final : Exchange {
    int skipped = 0;
    void exchange(const audio::Frame& heard, audio::Frame& said) override { said.pcm[0] = heard.pcm[0] + 1; }
    void skip(int slots) override { skipped += slots; }
  } speaker;
  struct Recorder final : Tap {
    int heard = 0, said = 0, skipped = 0;
    void on_frames(const audio::Frame& h, const audio::Frame& s) override {
      heard = h.pcm[0];
      said = s.pcm[0];
    }
    void on_skipped(int slots) override { skipped += slots; }
  } recorder;
  Tee tee{speaker, recorder};
  audio::Frame heard, said;
  heard.pcm[0] = 41;
  tee.exchange(heard, said);
  EXPECT_EQ(recorder.heard, 41);
  EXPECT_EQ(recorder.said, 42);
  tee.skip(149);
  EXPECT_EQ(speaker.skipped, 149);
  EXPECT_EQ(recorder.skipped, 149);
}

}  // namespace
}  // namespace voxanne::media

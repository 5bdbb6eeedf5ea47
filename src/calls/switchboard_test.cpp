// Calls from their leg to their record, with everything around them real but the far end and the voices.
#include "calls/switchboard.h"

#include "calls/verdict.h"
#include "store/calls.h"
#include "store/organizations.h"
#include "support/eventually.h"
#include "support/patience.h"
#include "support/scripted_responder.h"
#include "support/scripted_synthesizer.h"
#include "support/store/gate_store.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/use_future.hpp>

#include <future>

namespace voxanne::calls {
namespace {
using telephony::LegEnd;
using telephony::Refusal;
using test::eventually;
using test::harbour;
using test::reception;
using test::rival;

// The far end of a leg, as a test sees it from its own thread.
struct FarEnd {
  std::atomic<bool> answered{false}, ended{false}, gone{false};
  std::atomic<bool> acknowledges{true};  // that we answered
  std::atomic<int> refusals{0};
  std::atomic<telephony::LegObserver*> observer{nullptr};
};

class ScriptedLeg final : public telephony::Leg {
 public:
  ScriptedLeg(media::Shard& shard, std::shared_ptr<FarEnd> far_end)
      : shard_(shard), far_end_(std::move(far_end)) {}
  ~ScriptedLeg() override { far_end_->gone = true; }

  domain::Channel channel() const override { return domain::Channel::sip; }
  media::Shard& shard() const override { return shard_; }
  int sample_rate() const override { return audio::narrowband; }
  void start(telephony::LegObserver& observer) override { far_end_->observer = &observer; }
  void answer(media::Exchange&) override {
    far_end_->answered = true;
    if (!far_end_->acknowledges) return;
    async::asio::post(shard_.executor(), [far_end = far_end_] {
      if (!far_end->ended) far_end->observer.load()->on_answered();
    });
  }
  void refuse(Refusal, seconds) override {
    ++far_end_->refusals;
    end(shard_, far_end_, LegEnd::Cause::rejected);
  }
  void clear_playout() override {}
  milliseconds playout_delay() const override { return milliseconds{0}; }
  void send_digits(std::string) override {}
  void hang_up() override { end(shard_, far_end_, LegEnd::Cause::local_hung_up); }
  telephony::MediaStats media_stats() const override { return {}; }

  static void end(media::Shard& shard, const std::shared_ptr<FarEnd>& far_end, LegEnd::Cause cause) {
    async::asio::post(shard.executor(), [far_end, cause] {
      if (far_end->ended.exchange(true)) return;
      far_end->observer.load()->on_ended({cause, 0, {}});
    });
  }

 private:
  media::Shard& shard_;
  const std::shared_ptr<FarEnd> far_end_;
};

class SwitchboardTest : public testing::Test {
 protected:
  SwitchboardTest() {
    Switchboard::Options options;
    options.admission.max_calls = 1;
    options.catch_all = std::pair{harbour, reception};
    board = std::make_unique<Switchboard>(services(), options, std::vector{&shard});
  }
  ~SwitchboardTest() override {
    store.mode = test::GateStore::Mode::open;
    store.reads_hang = false;
    board->drain(milliseconds{0});
    disk.sqlite().stop();  // before the loops that have asked
    board.reset();
    shard.stop();
  }

  Services services() {
    return {.clock = clock,
            .store = store,
            .events = bus,
            .spool = spool,
            .providers =
                [this](const media::Shard&, const Subject&, Hands) {
                  return conversation::Providers{{},
                                                 {{std::make_shared<test::ScriptedSynthesizer>(clock)}},
                                                 {{std::make_shared<test::ScriptedResponder>(clock)}}};
                },
            .look_up = {},
            .upload_queued = [] {},
            .holder = test::this_boot};
  }

  std::shared_ptr<FarEnd> ring(const CallId& id, bool acknowledges = true) {
    auto far_end = std::make_shared<FarEnd>();
    far_end->acknowledges = acknowledges;
    async::asio::post(shard.executor(), [this, far_end, id] {
      board->take(std::make_unique<ScriptedLeg>(shard, far_end), {.from_number = "+447700900123",
                                                                  .from_name = {},
                                                                  .to = "+442079460000",
                                                                  .source = {},
                                                                  .protocol_id = id.str(),
                                                                  .call_id = id});
    });
    return far_end;
  }
  void hang_up(const std::shared_ptr<FarEnd>& far_end) {
    ScriptedLeg::end(shard, far_end, LegEnd::Cause::remote_hung_up);
  }
  std::future<Result<>> end(const CallId& id) {
    return async::asio::co_spawn(disk.executor(), board->end(harbour, id), async::asio::use_future);
  }
  std::optional<domain::Call> find(const CallId& id) {
    return disk.run(store::find_call(*disk, {harbour, id})).value();
  }
  // How the call ended as it stands in the database; empty: not yet.
  std::string ending(const CallId& id) {
    const auto call = find(id);
    return call ? call->ended_reason : std::string{};
  }

  async::SystemClock clock;
  test::TempDir directory;
  test::TempStore disk{test::TempStore::Readers::workers};
  test::GateStore store{*disk};
  events::Bus bus{clock};
  recordings::SpoolWriter spool{{.spool = directory.path()}};
  media::Shard shard{"media-test"};
  std::unique_ptr<Switchboard> board;
};

TEST_F(SwitchboardTest, a_line_is_free_once_its_leg_has_ended_though_its_records_wait_for_the_disk) {
  const CallId first{"call_first"}, second{"call_second"};
  const auto anna = ring(first);
  ASSERT_TRUE(eventually([&] { return anna->answered.load(); }));
  const auto refused = ring(CallId{"call_refused"});
  EXPECT_TRUE(eventually([&] { return refused->refusals == 1; }));

  store.mode = test::GateStore::Mode::hung;
  hang_up(anna);
  ASSERT_TRUE(eventually([&] { return board->active() == 0; }));
  const auto ben = ring(second);
  EXPECT_TRUE(eventually([&] { return ben->answered.load(); }));
  hang_up(ben);
  EXPECT_TRUE(eventually([&] { return ben->gone.load(); }));

  store.mode = test::GateStore::Mode::open;
  for (const CallId& id : {first, second})
    EXPECT_TRUE(eventually([&] { return ending(id) == domain::ended::customer; })) << id.str();
}

TEST_F(SwitchboardTest, a_call_is_ended_once_whoever_and_however_many_want_it) {
  for (int i = 0; i < 20; ++i) {
    const CallId id{"call_" + std::to_string(i)};
    const auto far_end = ring(id);
    ASSERT_TRUE(eventually([&] { return far_end->answered.load(); }));
    auto first = end(id), second = end(id);
    if (i % 2 == 0) hang_up(far_end);
    for (auto* answer : {&first, &second}) {
      const auto told = answer->get();
      EXPECT_TRUE(told || told.error().code == "call_already_ended") << told.error().message;
      if (told) EXPECT_FALSE(ending(id).empty()) << "whoever ended a call sees that it has ended";
    }
    ASSERT_TRUE(eventually([&] { return far_end->gone.load() && board->active() == 0; }));
    EXPECT_TRUE(eventually([&] { return !ending(id).empty(); }));
    EXPECT_EQ(end(id).get().error().code, "call_already_ended");
  }
}

TEST_F(SwitchboardTest, a_number_that_was_dialled_before_is_answered_while_the_database_hangs) {
  const auto before = ring(CallId{"call_before"});
  ASSERT_TRUE(eventually([&] { return before->answered.load(); }));
  hang_up(before);
  ASSERT_TRUE(eventually([&] { return board->active() == 0; }));

  store.reads_hang = true;
  const auto meanwhile = ring(CallId{"call_meanwhile"});
  EXPECT_TRUE(eventually([&] { return meanwhile->answered.load(); }));
  EXPECT_EQ(meanwhile->refusals, 0);
}

TEST_F(SwitchboardTest, a_number_nobody_dialled_before_is_refused_while_the_database_hangs) {
  store.reads_hang = true;
  const auto far_end = ring(CallId{"call_1"});
  EXPECT_TRUE(eventually([&] { return far_end->refusals == 1; }));
}

TEST_F(SwitchboardTest, a_caller_who_gives_up_before_the_answer_has_not_been_answered) {
  const CallId id{"call_gave_up"};
  const auto far_end = ring(id, false);
  ASSERT_TRUE(eventually([&] { return far_end->answered.load(); }));
  EXPECT_TRUE(eventually([&] {
    const auto call = find(id);
    return call && call->status == domain::CallStatus::ringing && call->started_at;
  }));
  ScriptedLeg::end(shard, far_end, LegEnd::Cause::cancelled);
  ASSERT_TRUE(eventually([&] { return !ending(id).empty(); }));
  EXPECT_EQ(ending(id), domain::ended::customer);
  EXPECT_FALSE(find(id)->answered_at);
  EXPECT_FALSE(find(id)->duration);

  const CallId other{"call_stayed"};
  const auto patient = ring(other);
  EXPECT_TRUE(eventually([&] {
    const auto call = find(other);
    return call && call->status == domain::CallStatus::in_progress && call->answered_at;
  }));
}

// `harbour` has the assistant `night` and the number `harbour_line`, `rival` the number `rival_line`.
class TwoOrganizations : public SwitchboardTest {
 protected:
  TwoOrganizations() {
    const auto written = disk.write([&](store::Batch& batch) {
      domain::Assistant assistant;
      assistant.id = night;
      assistant.org = harbour;
      store::put_assistant(batch, assistant, clock.utc());
      for (const OrgId& org : {harbour, rival}) {
        domain::PhoneNumber number;
        number.id = PhoneNumberId{org.str() + "_line"};
        number.org = org;
        number.assistant = reception;
        number.carrier = domain::PhoneNumber::Carrier::sip;
        store::put_phone_number(batch, number, clock.utc());
      }
    });
    EXPECT_TRUE(written);
  }

  std::string code_of_placing(const OrgId& org, const AssistantId& assistant, const char* number) {
    const auto placed = async::asio::co_spawn(disk.executor(),
                                              board->place({.org = org,
                                                            .assistant = assistant,
                                                            .phone_number = PhoneNumberId{number},
                                                            .customer = {"+447700900123", {}}}),
                                              async::asio::use_future)
                            .get();
    return placed ? "placed" : placed.error().code;
  }
  std::shared_ptr<FarEnd> ring_for(const OrgId& org, const AssistantId& assistant) {
    auto far_end = std::make_shared<FarEnd>();
    async::asio::post(shard.executor(), [this, far_end, org, assistant] {
      board->take_for(std::make_unique<ScriptedLeg>(shard, far_end), {}, org, assistant, {});
    });
    return far_end;
  }

  const AssistantId night{"night"};
};

TEST_F(TwoOrganizations, neither_places_a_call_with_what_is_the_other_s) {
  EXPECT_EQ(code_of_placing(rival, night, "rival_line"), "assistant_not_found");
  EXPECT_EQ(code_of_placing(rival, reception, "harbour_line"), "phone_number_not_found");
  EXPECT_EQ(code_of_placing(harbour, night, "rival_line"), "phone_number_not_found");
  // Each one's own are found; nobody dials here.
  EXPECT_EQ(code_of_placing(harbour, night, "harbour_line"), "carrier_not_configured");
  EXPECT_EQ(code_of_placing(rival, reception, "rival_line"), "carrier_not_configured");
}

TEST_F(TwoOrganizations, neither_s_callers_reach_the_other_s_assistant) {
  const auto ours = ring_for(harbour, night);
  ASSERT_TRUE(eventually([&] { return ours->answered.load(); }));
  hang_up(ours);
  ASSERT_TRUE(eventually([&] { return board->active() == 0; }));

  const auto theirs = ring_for(rival, night);
  EXPECT_TRUE(eventually([&] { return theirs->refusals == 1; })) << "though it was answered just now";
  EXPECT_FALSE(theirs->answered);
  const auto own = ring_for(rival, reception);
  EXPECT_TRUE(eventually([&] { return own->answered.load(); }));
}

TEST_F(TwoOrganizations, neither_ends_or_speaks_in_the_other_s_call) {
  const CallId id{"call_of_harbour"};
  const auto far_end = ring(id);
  ASSERT_TRUE(eventually([&] { return far_end->answered.load(); }));
  const auto code_of = [&](async::Task<Result<>> task) {
    const auto done = async::asio::co_spawn(disk.executor(), std::move(task), async::asio::use_future).get();
    return done ? "done" : done.error().code;
  };
  EXPECT_EQ(code_of(board->end(rival, id)), "call_not_found");
  EXPECT_EQ(code_of(board->say(rival, id, "hello")), "call_not_found");
  EXPECT_FALSE(far_end->ended);
  EXPECT_EQ(code_of(board->end(harbour, id)), "done");
}

TEST_F(SwitchboardTest, draining_ends_what_runs_and_files_it) {
  const CallId id{"call_1"};
  const auto far_end = ring(id);
  ASSERT_TRUE(eventually([&] { return far_end->answered.load(); }));
  board->drain(milliseconds{50});
  EXPECT_TRUE(far_end->gone);
  EXPECT_EQ(ending(id), "worker-shutdown");
  const auto late = ring(CallId{"call_late"});
  EXPECT_TRUE(eventually([&] { return late->refusals == 1; }));
}

}  // namespace
}  // namespace voxanne::calls

// Calls that are placed while the database does not answer, or fails: nobody is dialled whose record may not
// be there, and no record waits for a call that never was.
#include "calls/switchboard.h"

#include "calls/verdict.h"
#include "store/calls.h"
#include "store/journal/journal.h"
#include "store/organizations.h"
#include "store/statements.h"
#include "store/webhooks.h"
#include "support/eventually.h"
#include "support/store/gate_store.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>
#include <boost/asio/use_future.hpp>

#include <thread>

namespace voxanne::calls {
namespace {

using Mode = test::GateStore::Mode;
using test::eventually;
using test::harbour;
using test::reception;

// Rings once it is started; nobody answers.
class RingingLeg final : public telephony::Leg {
 public:
  RingingLeg(media::Shard& shard, std::atomic<int>& dialled) : shard_(shard), dialled_(dialled) {}

  domain::Channel channel() const override { return domain::Channel::sip; }
  media::Shard& shard() const override { return shard_; }
  int sample_rate() const override { return audio::narrowband; }
  void start(telephony::LegObserver& observer) override {
    ++dialled_;
    async::asio::post(shard_.executor(), [&observer] {
      observer.on_ringing();
      observer.on_ended({telephony::LegEnd::Cause::no_answer, 0, {}});
    });
  }
  void answer(media::Exchange&) override {}
  void refuse(telephony::Refusal, seconds) override {}
  void clear_playout() override {}
  milliseconds playout_delay() const override { return milliseconds{0}; }
  void send_digits(std::string) override {}
  void hang_up() override {}
  telephony::MediaStats media_stats() const override { return {}; }

 private:
  media::Shard& shard_;
  std::atomic<int>& dialled_;
};

class Trunk final : public telephony::Dialer {
 public:
  Result<std::unique_ptr<telephony::Leg>> dial(media::Shard& shard, const telephony::DialRequest&) override {
    return std::unique_ptr<telephony::Leg>{std::make_unique<RingingLeg>(shard, dialled)};
  }
  std::atomic<int> dialled{0};
};

class PlacingTest : public testing::Test {
 protected:
  PlacingTest() {
    const auto written = disk.write([&](store::Batch& batch) {
      domain::PhoneNumber number;
      number.id = PhoneNumberId{"line"};
      number.org = harbour;
      number.assistant = reception;
      number.carrier = domain::PhoneNumber::Carrier::sip;
      store::put_phone_number(batch, number, clock.utc());
      store::Webhook webhook;
      webhook.org = harbour;
      webhook.id = WebhookId::make();
      webhook.url = "https://hooks.example.com/";
      webhook.events = "call.started,call.ended";
      webhook.created_at = webhook.updated_at = clock.utc();
      store::insert_webhook(batch, webhook);
    });
    EXPECT_TRUE(written);
    journal = store::Journal::open(gate, clock, loop.executor(),
                                   {.directory = directory / "journal",
                                    .statements = store::all_statements(),
                                    .patience = milliseconds{300},
                                    .prompt = &prompt})
                  .value();
    async::asio::post(loop.executor(), [this] { journal->start(); });
    board = std::make_unique<Switchboard>(
        Services{
            .clock = clock,
            .store = *journal,
            .events = bus,
            .spool = spool,
            .providers = [](const media::Shard&, const Subject&, Hands) { return conversation::Providers{}; },
            .look_up = {},
            .upload_queued = [] {},
            .holder = test::this_boot},
        Switchboard::Options{}, std::vector{&shard});
    board->set_dialers({{domain::PhoneNumber::Carrier::sip, &trunk}});
  }
  ~PlacingTest() override {
    gate.mode = Mode::open;
    board->drain(milliseconds{0});
    async::run_on(loop.executor(), journal->stop());
    disk.sqlite().stop();  // before the loops that have asked
  }

  Result<domain::Call> place() {
    return async::run_on(loop.executor(), board->place({.org = harbour,
                                                        .assistant = reception,
                                                        .phone_number = PhoneNumberId{"line"},
                                                        .customer = {"+447700900123", {}}}));
  }
  void expect_turned_away(const std::string& code) {
    const auto placed = place();
    ASSERT_FALSE(placed);
    EXPECT_EQ(placed.error().kind, Fault::unavailable);
    EXPECT_EQ(placed.error().code, code);
  }
  std::vector<domain::Call> calls() {
    std::vector<domain::Call> all;
    disk.run(store::page_of_calls(*disk, harbour, {}, {.limit = 100},
                                  [&](const store::Row& row) { all.push_back(store::call_from(row)); }))
        .value();
    return all;
  }
  std::int64_t to_be_told() { return disk.run(store::count_queued_deliveries(*disk)).value(); }
  // Whoever waited for the database has had its answer, and the journal has nothing left.
  bool settled() {
    return eventually([&] { return gate.held() == 0 && !prompt.is_silent() && journal->pending() == 0; });
  }
  bool nobody_was_called() const { return trunk.dialled == 0 && bus.bytes() == 0; }

  async::SystemClock clock;
  test::TempDir directory;
  async::LoopThread loop{"test-web"};
  test::TempStore disk{test::TempStore::Readers::workers};
  test::GateStore gate{*disk};
  store::PromptStore prompt{gate, clock, milliseconds{1'500}};
  std::unique_ptr<store::Journal> journal;
  events::Bus bus{clock};
  recordings::SpoolWriter spool{{.spool = directory.path()}};
  media::Shard shard{"media-test"};
  Trunk trunk;
  std::unique_ptr<Switchboard> board;
};

TEST_F(PlacingTest, a_call_is_dialled_once_its_record_is_durable) {
  ASSERT_TRUE(place());
  EXPECT_TRUE(eventually([&] { return calls().at(0).ended_reason == domain::ended::no_answer; }));
  EXPECT_EQ(trunk.dialled, 1);
  EXPECT_EQ(to_be_told(), 2) << "that it started, and that it ended";
}

TEST_F(PlacingTest, nobody_is_dialled_while_the_database_hangs_and_no_record_is_left_to_wait) {
  gate.mode = Mode::hung;
  const auto placed = place();
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.error().code, "database_silent");
  EXPECT_TRUE(placed.error().retry_after);
  const int writes = gate.writes;
  expect_turned_away("database_silent");
  EXPECT_LE(gate.writes, writes + 1) << "at most the first one's withdrawal";
  EXPECT_EQ(board->active(), 0u);
  EXPECT_TRUE(calls().empty());

  gate.mode = Mode::open;
  ASSERT_TRUE(eventually([&] { return calls().size() == 1; })) << "the first one's record came to be";
  ASSERT_TRUE(eventually([&] { return calls().at(0).ended_at.has_value(); }));
  const auto left = calls().at(0);
  EXPECT_EQ(left.status, domain::CallStatus::failed);
  EXPECT_EQ(left.ended_reason, "call.start.error-not-recorded");
  EXPECT_EQ(to_be_told(), 0);
  EXPECT_TRUE(nobody_was_called());

  ASSERT_TRUE(settled());
  EXPECT_TRUE(place());
}

TEST_F(PlacingTest, nobody_is_dialled_by_a_server_that_began_to_drain_meanwhile) {
  gate.mode = Mode::hung;
  std::optional<Result<domain::Call>> placed;
  std::jthread placing{[&] { placed = place(); }};
  ASSERT_TRUE(eventually([&] { return gate.held() > 0; }));
  board->drain(milliseconds{0});
  gate.mode = Mode::open;
  placing.join();
  ASSERT_FALSE(*placed);
  EXPECT_EQ(placed->error().code, "draining");
  ASSERT_TRUE(settled());
  ASSERT_EQ(calls().size(), 1u);
  EXPECT_EQ(calls().at(0).ended_reason, domain::ended::shutdown);
  EXPECT_EQ(to_be_told(), 0);
  EXPECT_TRUE(nobody_was_called());
}

TEST_F(PlacingTest, a_record_that_is_said_to_have_failed_is_withdrawn_if_it_is_there) {
  gate.mode = Mode::deaf;
  expect_turned_away("database_io_error");
  ASSERT_EQ(calls().size(), 1u);
  ASSERT_TRUE(eventually([&] { return calls().at(0).ended_at.has_value(); }));
  EXPECT_EQ(calls().at(0).ended_reason, "call.start.error-not-recorded");
  gate.mode = Mode::open;
  ASSERT_TRUE(settled());
  EXPECT_EQ(to_be_told(), 0);
  EXPECT_TRUE(nobody_was_called());
}

TEST_F(PlacingTest, a_record_that_was_refused_leaves_nothing) {
  gate.mode = Mode::shut;
  expect_turned_away("database_locked");
  ASSERT_TRUE(eventually([&] { return journal->pending() == 1; })) << "its withdrawal";
  expect_turned_away("database_silent");
  gate.mode = Mode::open;
  ASSERT_TRUE(settled());
  EXPECT_TRUE(calls().empty());
  EXPECT_EQ(to_be_told(), 0);
  EXPECT_TRUE(nobody_was_called());
  EXPECT_FALSE(std::filesystem::exists(directory / "journal/refused.bad"));
  EXPECT_TRUE(place());
}

}  // namespace
}  // namespace voxanne::calls

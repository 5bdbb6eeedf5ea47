// The page in headless Chromium (page.mjs) against every real route, with calls that follow a script.
#include "api/routes/test_world.h"
#include "domain/call_json.h"
#include "support/process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace voxanne::api {
namespace {

using events::EventType;

// Answers, says good morning in text and a low tone, and listens.
class Receptionist final : public telephony::LegObserver, public media::Exchange {
 public:
  Receptionist(std::unique_ptr<telephony::Leg> leg, std::shared_ptr<telephony::browser::CallSide> side)
      : leg_(std::move(leg)) {
    leg_->start(*this);
    leg_->answer(*this);
    side->show_transcript(domain::Speaker::assistant, "Good morning, Harbour Dental.", true);
  }
  void exchange(const audio::Frame& heard, audio::Frame& said) override { said = heard; }
  void on_digit(char) override {}
  void on_hold(bool) override {}
  void on_ended(const telephony::LegEnd&) override {}

 private:
  std::unique_ptr<telephony::Leg> leg_;
};

class PageTest : public testing::Test {
 protected:
  explicit PageTest(bool development = true) : world(development) {
    world.add_line("demo", "test-assistant-123", "test-phone-123");
    world.run([](PageTest& test) -> async::Task<> {  // where they are called
      test.world.calls().on_placed = [&test](const domain::Call& call) {
        test.begin([&test, call] { test.tell(call); });
      };
      test.world.on_browser_call = [&test](auto leg, auto call) {
        test.begin([&test, org = call.org, id = call.info.call_id] { test.file_browser_call(org, id); });
        test.receptionists_.push_back(std::make_unique<Receptionist>(std::move(leg), std::move(call.side)));
      };
      co_return;
    }(*this));
  }
  ~PageTest() override {
    stories_.clear();  // joins
    async::run_on(world.shard().executor(), [](auto& all) -> async::Task<> {
      all.clear();
      co_return;
    }(receptionists_));
  }

  template <class Story>
  void begin(Story story) {
    const std::lock_guard lock{mutex_};
    stories_.emplace_back(std::move(story));
  }

  void file_browser_call(const OrgId& org, const CallId& id) {
    domain::Call call;
    call.id = id;
    call.org = org;
    call.channel = domain::Channel::browser;
    call.created_at = world.clock().utc();
    store::Batch batch;
    store::insert_call(batch, call, {"node", "boot"});
    world.write(std::move(batch));
    publish(call, EventType::call_started, json_of(call));
  }

  // A whole call as the switchboard would tell it: each event after its commit.
  void tell(domain::Call call) {
    const store::CallKey key{call.org, call.id};
    publish(call, EventType::call_started, json_of(call));
    step([&](store::Batch& batch) {
      call.status = domain::CallStatus::in_progress;
      call.answered_at = world.clock().utc();
      store::move_call(batch, key, call.status, *call.answered_at);
    });
    publish(call, EventType::call_updated, json_of(call));
    publish(call, EventType::transcript_partial, R"({"speaker":"assistant","text":"Good mor"})");
    int number = 0;
    for (const auto& [speaker, words] :
         {std::pair{domain::Speaker::assistant, "Good morning, Harbour Dental."},
          {domain::Speaker::caller, "When do you open?"},
          {domain::Speaker::assistant, "We open at nine, <b>every</b> weekday."}}) {
      domain::Turn turn;
      turn.id = TurnId{"turn_" + std::to_string(++number) + call.id.str()};
      turn.speaker = speaker;
      turn.text = words;
      turn.start_ms = number * 1'000;
      step([&](store::Batch& batch) { store::put_turn(batch, key, turn); });
      std::string json;
      domain::append_turn(json, turn);
      publish(call, EventType::transcript_final, json);
    }
    step([&](store::Batch& batch) {
      call.status = domain::CallStatus::ended;
      call.ended_reason = domain::ended::customer;
      call.duration = 4.2;
      store::end_call(batch, key, {call.status, call.ended_reason, domain::FaultParty::nobody, {}},
                      world.clock().utc());
    });
    publish(call, EventType::call_ended, json_of(call));
  }

  template <class Write>
  void step(Write write) {
    std::this_thread::sleep_for(150ms);  // the pace of the story, which nothing waits for
    store::Batch batch;
    write(batch);
    world.write(std::move(batch));
  }
  static std::string json_of(const domain::Call& call) {
    std::string json;
    domain::append_call(json, call);
    return json;
  }
  void publish(const domain::Call& call, EventType type, std::string data) {
    world.bus().publish({type, call.org, call.id, std::move(data), world.clock().utc()});
  }

  // PAGE_SCREENSHOTS names a directory to leave pictures in.
  void drive(std::vector<std::string> options) {
    std::vector<std::string> command{"node", PAGE_SCRIPT, world.url("")};
    command.insert(command.end(), options.begin(), options.end());
    if (const char* directory = std::getenv("PAGE_SCREENSHOTS"))
      command.insert(command.end(),
                     {"--screenshots", std::string{directory} + "/" +
                                           testing::UnitTest::GetInstance()->current_test_info()->name()});
    test::Process browser{{.command = command, .environment = {}, .directory = {}}};
    EXPECT_EQ(browser.wait(150s), 0) << browser.output();
  }

  World world;

 private:
  std::mutex mutex_;
  std::vector<std::jthread> stories_;
  std::vector<std::unique_ptr<Receptionist>> receptionists_;
};

class PageWithTokens : public PageTest {
 protected:
  PageWithTokens() : PageTest(false) {}
};

TEST_F(PageTest, shows_calls_live_and_calls_the_assistant) { drive({"--phone"}); }
TEST_F(PageWithTokens, asks_for_a_token) { drive({"--token", world.token("demo")}); }

}  // namespace
}  // namespace voxanne::api

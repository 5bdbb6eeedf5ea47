// A database that hangs keeps nobody waiting, and what it does in the end is known again.
#include "store/prompt_store.h"

#include "store/organizations.h"
#include "support/eventually.h"
#include "support/store/gate_store.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

namespace voxanne::store {
namespace {

using namespace test;
using Mode = GateStore::Mode;
using namespace std::chrono_literals;

class PromptStoreTest : public testing::Test {
 protected:
  ~PromptStoreTest() override {
    gate.mode = Mode::open;
    EXPECT_TRUE(eventually([&] { return prompt_again(); }));
  }

  static Batch named(const std::string& name) {
    Batch batch;
    put_organization(batch, {OrgId{name}, name, "Europe/Paris", 3}, noon);
    return batch;
  }
  Result<> write(const std::string& name) { return store.run(prompt.write(named(name))); }
  Result<> follow_up(const std::string& name) { return store.run(prompt.follow_up(named(name))); }
  bool is_there(const std::string& name) {
    return store.run(find_organization(*store, OrgId{name})).value().has_value();
  }
  bool prompt_again() { return bool(write("again")); }

  TempStore store;
  GateStore gate{*store};
  async::SystemClock clock;
  PromptStore prompt{gate, clock, 1'500ms};
};

TEST_F(PromptStoreTest, a_write_without_an_answer_is_unknown_and_goes_on) {
  gate.mode = Mode::hung;
  const auto written = write("first");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Fault::unavailable);
  EXPECT_TRUE(is_outcome_unknown(written.error()));
  EXPECT_TRUE(written.error().retry_after);
  EXPECT_TRUE(prompt.is_silent());
  EXPECT_FALSE(is_there("first"));
  gate.mode = Mode::open;
  EXPECT_TRUE(eventually([&] { return is_there("first"); }));
  EXPECT_TRUE(eventually([&] { return !prompt.is_silent(); }));
}

TEST_F(PromptStoreTest, nothing_new_is_begun_until_the_database_has_answered) {
  gate.mode = Mode::hung;
  EXPECT_TRUE(is_outcome_unknown(write("first").error()));
  const auto second = write("second");
  EXPECT_EQ(second.error().code, "database_silent");
  EXPECT_TRUE(second.error().retry_after);
  EXPECT_EQ(gate.writes, 1);
  EXPECT_TRUE(is_outcome_unknown(follow_up("third").error())) << "it belongs to the first";
  gate.mode = Mode::open;
  EXPECT_TRUE(eventually([&] { return prompt_again(); }));
  EXPECT_TRUE(is_there("first") && is_there("third"));
  EXPECT_FALSE(is_there("second"));
}

TEST_F(PromptStoreTest, what_is_left_behind_a_write_is_waited_for_by_nobody_and_comes_after_it) {
  gate.mode = Mode::hung;
  EXPECT_TRUE(is_outcome_unknown(write("first").error()));
  Batch again = named("first");
  again.steps.front().values[1] = std::string{"the second name"};
  const auto began = std::chrono::steady_clock::now();
  store.run([](PromptStore& to, Batch batch) -> async::Task<int> {
    co_await to.leave(std::move(batch));
    co_return 0;
  }(prompt, std::move(again)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1'000ms);
  gate.mode = Mode::open;
  EXPECT_TRUE(eventually([&] { return gate.held() == 0; }));
  EXPECT_EQ(store.run(find_organization(*store, OrgId{"first"})).value()->name, "the second name");
}

TEST_F(PromptStoreTest, what_is_left_while_the_database_answers_turns_nobody_away) {
  store.run([](PromptStore& to, Batch batch) -> async::Task<int> {
    co_await to.leave(std::move(batch));
    co_return 0;
  }(prompt, named("first")));
  EXPECT_FALSE(prompt.is_silent());
  EXPECT_TRUE(write("second"));
  EXPECT_TRUE(is_there("first"));
}

TEST_F(PromptStoreTest, the_databases_own_answers_are_passed_on) {
  EXPECT_TRUE(write("first"));
  gate.mode = Mode::shut;
  EXPECT_EQ(write("second").error().code, "database_locked");
  gate.mode = Mode::open;
  EXPECT_TRUE(write("third")) << "nothing is waited for";
}

}  // namespace
}  // namespace voxanne::store

// The indexes of words hold nothing of what was erased, and everything else: also of what comes meanwhile.
#include "housekeeping/test_eraser.h"

namespace voxanne::housekeeping {
namespace {

// Each word once, so that the index of words takes several steps to rewrite.
std::string many_words(int which) {
  std::string out;
  for (int i = 0; i < 6'000; ++i)
    out += "w" + std::to_string(which * 6'000 + i) + "x" + std::to_string(i % 97) + " ";
  return out;
}

TEST_F(EraserTest, calls_that_end_meanwhile_neither_hold_it_up_nor_are_lost) {
  for (int i = 0; i < 20; ++i)
    call(harbour, "call_" + std::to_string(i), State::none, many_words(i), "+44770090001");
  call(harbour, "call_zaphod", State::none, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  int ended = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    domain::Call other;
    other.id = CallId{"meanwhile_" + std::to_string(++ended)};
    other.org = harbour;
    other.assistant = test::reception;
    other.customer = {"+447700900043", "Ford Prefect"};
    other.created_at = test::noon;
    store::Batch batch;
    store::insert_call(batch, other, test::this_boot);
    domain::Turn turn;
    turn.id = TurnId{"turn_" + other.id.str()};
    turn.speaker = domain::Speaker::caller;
    turn.text = "A towel, please";
    store::put_turn(batch, {harbour, other.id}, turn);
    store::end_call(batch, {harbour, other.id},
                    {.status = domain::CallStatus::ended,
                     .reason = std::string{domain::ended::customer},
                     .fault = domain::FaultParty::nobody,
                     .detail = {}},
                    test::noon);
    EXPECT_TRUE(co_await store_->write(std::move(batch)));
  };
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_zaphod"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(receipt->erasure.finished_at);
  EXPECT_GT(ended, 4) << "several steps";
  EXPECT_EQ(search_matches("Prefect"), ended);
  EXPECT_EQ(search_matches("towel"), ended);
  EXPECT_EQ(search_matches("w12001x1"), 2) << "what is rewritten is found";
  check_search();
  for (const char* trace : {"Zaphod", "Beeblebrox", "zap", "beeblebrox"}) EXPECT_FALSE(holds(trace)) << trace;
}

TEST_F(EraserTest, knowledge_that_comes_meanwhile_neither_holds_it_up_nor_is_lost) {
  const auto learn = [](store::Batch& batch, const std::string& id, std::string text) {
    domain::Document document;
    document.id = DocumentId{id};
    document.org = harbour;
    document.title = id;
    document.created_at = document.updated_at = test::noon;
    store::put_document(
        batch, document,
        {{.id = ChunkId{"chunk_" + id}, .document = document.id, .heading = {}, .text = std::move(text)}});
  };
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(
        store_.write([&](store::Batch& batch) { learn(batch, "doc_" + std::to_string(i), many_words(i)); }));
  call(harbour, "call_1", State::none, name, number);
  answered(harbour, "call_1", "Can Zaphod Beeblebrox bring both heads?", "Each cranium is welcome.");
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  int learnt = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    store::Batch batch;
    learn(batch, "later_" + std::to_string(learnt++), "A towel, please");
    EXPECT_TRUE(co_await store_->write(std::move(batch)));
  };
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(receipt->erasure.finished_at);
  EXPECT_GT(learnt, 4) << "several steps";
  EXPECT_EQ(count("SELECT knowledge_due + knowledge_taken FROM search_rounds"), 0);
  EXPECT_EQ(store_.run(store::search_words(*store_, harbour, {"towel"}, 100)).value().size(),
            std::size_t(learnt));
  EXPECT_EQ(knows(harbour, "w12001x1").size(), 1u) << "what is rewritten is found";
  check_search();
  for (const char* trace : {"Zaphod", "beeblebrox"}) EXPECT_FALSE(holds(trace)) << trace;
}

// FTS5 takes an index of more than 2,000 levels for corrupt, and no call could end any more.
TEST_F(EraserTest, thousands_of_erasures_leave_the_search_index_as_it_was) {
  const auto end = [](store::Batch& batch, const OrgId& org, const std::string& id, const std::string& who) {
    domain::Call call;
    call.id = CallId{id};
    call.org = org;
    call.assistant = test::reception;
    call.customer = {number, who};
    call.created_at = test::noon;
    store::insert_call(batch, call, test::this_boot);
    domain::Turn turn;
    turn.id = TurnId{"turn_" + id};
    turn.speaker = domain::Speaker::caller;
    turn.text = "My name is " + who;
    store::put_turn(batch, {org, call.id}, turn);
    store::end_call(batch, {org, call.id},
                    {.status = domain::CallStatus::ended,
                     .reason = std::string{domain::ended::customer},
                     .fault = domain::FaultParty::nobody,
                     .detail = {}},
                    test::noon);
  };
  for (int group = 0; group < 30; ++group) {
    const auto done = store_.write([&](store::Batch& batch) {
      for (int i = group * 100; i < (group + 1) * 100; ++i) {
        const std::string id = "call_" + std::to_string(i);
        end(batch, harbour, id, name);
        if (i % 10 == 0) end(batch, rival, "kept_" + std::to_string(i), "Ford Prefect");
        store::erase_call_records(batch, {harbour, CallId{id}}, store::Keep::nothing);
        store::begin_search_round(batch);
      }
    });
    ASSERT_TRUE(done) << group << done.error().message;
    ASSERT_EQ(count("SELECT done FROM search_rounds"), (group + 1) * 100);
    for (const char* trace : {"Zaphod", "beeblebrox"}) ASSERT_FALSE(holds(trace)) << group;
  }
  for (const char* index : {"calls_search", "calls_words"})
    EXPECT_LT(count(std::string{"SELECT length(block) FROM "} + index + "_data WHERE id = 10"), 200) << index;
  EXPECT_EQ(search_matches("Prefect"), 600);
  check_search();
}

}  // namespace
}  // namespace voxanne::housekeeping

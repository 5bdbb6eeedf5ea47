// An erasure beside another one, beside a call that runs, without its database, and killed at any step.
#include "housekeeping/test_eraser.h"

namespace voxanne::housekeeping {
namespace {

TEST_F(EraserTest, what_two_hands_erase_is_counted_once) {
  contact(harbour, "cont_1", name, number);
  for (int i = 0; i < 7; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
  Parts server{*store_, files_, workers_, clock_, directory_.path() / "spool", 3};
  // As it does every minute, here before each batch of an erasure that still runs.
  std::int64_t finished = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    const auto done = co_await server.eraser.resume();
    EXPECT_TRUE(done);
    finished += done ? *done : 0;
  };
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(finished, 1);
  EXPECT_TRUE(receipt->erasure.finished_at);
  for (const char* counted : {"calls", "turns", "logLines", "messages", "recordings"})
    EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at(counted), 7) << counted;
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL"), 1);
  for (const char* trace : {"Zaphod", "beeblebrox", "447700900042"}) EXPECT_FALSE(holds(trace)) << trace;
}

// At each of their writes in turn one lets the other go to its end.
TEST_F(EraserTest, of_two_erasures_of_a_contact_each_has_what_it_erased) {
  int shared = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE("the other comes before write " + std::to_string(step));
    contact(harbour, "cont_1", name, number);
    for (int i = 0; i < 5; ++i)
      call(harbour, std::to_string(step) + "_" + std::to_string(i), State::stored, name, number);
    Parts first{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    Parts second{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    int writes = 0;
    std::vector<Result<Receipt>> answers;
    second.database.before_write = [&]() -> async::Task<> {
      if (++writes == step)
        answers.push_back(co_await first.eraser.erase_contact(harbour, ContactId{"cont_1"}, "first"));
    };
    const auto began = clock_.now();
    answers.push_back(store_.run(second.eraser.erase_contact(harbour, ContactId{"cont_1"}, "second")));
    EXPECT_LT(clock_.now() - began, seconds{10}) << "nobody waits for what is gone";
    std::int64_t calls = 0, contacts = 0;
    for (const auto& answer : answers) {
      if (!answer) {
        EXPECT_EQ(answer.error().code, "contact_not_found");
        continue;
      }
      EXPECT_TRUE(answer->erasure.finished_at);
      const auto removed = boost::json::parse(answer->erasure.removed);
      calls += removed.at("calls").as_int64();
      contacts += removed.at("contacts").as_int64();
    }
    EXPECT_EQ(calls, 5);
    EXPECT_EQ(contacts, 1);
    EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM contacts"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
    if (answers.size() < 2 || HasFailure()) break;
    shared += answers.front() && answers.back();
  }
  EXPECT_GE(shared, 2);
}

// Another's erasure of the same is done just before the first write of this one.
TEST_F(EraserTest, of_two_erasures_of_a_call_one_has_it_and_the_other_finds_nothing) {
  call(harbour, "call_1", State::stored, name, number);
  Parts first{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  Parts second{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  bool begun = false;
  int tried = 0;
  second.database.before_write = [&]() -> async::Task<> {
    ++tried;
    if (std::exchange(begun, true)) co_return;
    EXPECT_TRUE(co_await first.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  };
  const auto late = store_.run(second.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "call_not_found");
  EXPECT_EQ(tried, 1);
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NOT NULL"), 1);
}

TEST_F(EraserTest, what_runs_or_is_being_stored_is_refused_and_stays) {
  call(harbour, "running", State::none, name, number, false);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  EXPECT_EQ(store_.run(parts.eraser.erase_call(harbour, CallId{"running"}, "u")).error().code,
            "call_in_progress");
  EXPECT_EQ(store_.run(parts.eraser.erase_call(rival, CallId{"running"}, "u")).error().code,
            "call_not_found");
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM erasures"), 0);
  EXPECT_TRUE(parts.forgotten.empty());
}

TEST_F(EraserTest, a_call_that_runs_holds_up_the_rest_of_a_caller_and_the_receipt_says_so) {
  contact(harbour, "cont_1", name, number);
  for (int i = 0; i < 3; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  call(harbour, "running", State::none, name, number, false);
  call(harbour, "ford", State::stored, "Ford Prefect", "+447700900043");
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_FALSE(receipt->erasure.finished_at);
  EXPECT_FALSE(receipt->rows_removed);
  EXPECT_TRUE(receipt->files_removed) << "of what is gone";
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("calls"), 2);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 0);
  // Others that were begun after it are not held up.
  parts.objects.away = true;
  EXPECT_FALSE(store_.run(parts.eraser.erase_call(harbour, CallId{"ford"}, "u"))->erasure.finished_at);
  parts.objects.away = false;
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_EQ(count("SELECT count(*) FROM contacts"), 1);
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::end_call(batch, {harbour, CallId{"running"}},
                    {.status = domain::CallStatus::ended,
                     .reason = std::string{domain::ended::customer},
                     .fault = domain::FaultParty::nobody,
                     .detail = {}},
                    test::noon);
  }));
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM contacts"), 0);
  EXPECT_EQ(count("SELECT json_extract(removed, '$.calls') FROM erasures WHERE subject = 'contact'"), 4);
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE contact_id <> '' OR number <> ''"), 0);
  for (const char* trace : {"Zaphod", "beeblebrox", "447700900042"}) EXPECT_FALSE(holds(trace)) << trace;
}

TEST_F(EraserTest, a_contact_that_is_deleted_meanwhile_is_erased_by_its_number) {
  contact(harbour, "cont_1", name, number);
  for (int i = 0; i < 4; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
  int writes = 0;
  parts.database.before_write = [&]() -> async::Task<> {
    store::Batch batch;
    store::remove_contact(batch, harbour, ContactId{"cont_1"});
    if (++writes == 2) EXPECT_TRUE(co_await store_->write(std::move(batch)));
  };
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_TRUE(receipt->erasure.finished_at);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("calls"), 4);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 0);
  EXPECT_FALSE(holds("Zaphod"));
}

TEST_F(EraserTest, while_the_store_is_away_the_receipt_says_so_and_the_rest_follows) {
  call(harbour, "call_1", State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  parts.objects.away = true;
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_TRUE(receipt);
  EXPECT_FALSE(receipt->files_removed);
  EXPECT_FALSE(receipt->erasure.finished_at);
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 0);
  parts.objects.away = false;
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "call_1")));
  EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
}

// A mount that is lost. What is in it comes back with it, so nothing of it may be taken for removed.
TEST_F(EraserTest, while_the_store_s_directory_is_gone_its_files_are_owed) {
  ASSERT_TRUE(store_.run(files_.prepare()));
  contact(harbour, "cont_1", name, number);
  for (const char* id : {"call_1", "call_2", "call_3"}) call(harbour, id, State::stored, name, number);
  fs::rename(directory_ / "objects", directory_ / "elsewhere");
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  const auto of_call = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  const auto of_caller = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u"));
  for (const auto& receipt : {of_call, of_caller}) {
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_TRUE(receipt->rows_removed);
    EXPECT_FALSE(receipt->files_removed);
    EXPECT_FALSE(receipt->erasure.finished_at);
  }
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 0);
  EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 3);
  EXPECT_FALSE(fs::exists(directory_ / "objects"));
  fs::rename(directory_ / "elsewhere", directory_ / "objects");
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 2);
  for (const char* id : {"call_1", "call_2", "call_3"}) EXPECT_FALSE(fs::exists(object(harbour, id))) << id;
}

TEST_F(EraserTest, once_the_rows_are_gone_a_database_that_is_away_leaves_the_rest_owed) {
  call(harbour, "call_1", State::stored, name, number);
  test::GateStore gate{*store_};
  gate.before_step = [&](std::string_view step) {
    if (step == "database answered") gate.mode = test::GateStore::Mode::shut;
  };
  Parts parts{gate, files_, workers_, clock_, directory_.path() / "spool"};
  const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{"call_1"}, "u"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_FALSE(receipt->erasure.finished_at);
  EXPECT_EQ(count("SELECT count(*) FROM calls"), 0);
  EXPECT_EQ(parts.forgotten.size(), 1u);
  gate.before_step = {};
  gate.mode = test::GateStore::Mode::open;
  EXPECT_EQ(store_.run(parts.eraser.resume()).value(), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "call_1")));
}

TEST_F(EraserTest, dying_at_any_step_leaves_nothing_that_the_next_start_does_not_finish) {
  int died = 0;
  for (int step = 1;; ++step) {
    SCOPED_TRACE("dies at step " + std::to_string(step));
    const std::string id = "call_" + std::to_string(step);
    call(harbour, id, step % 2 == 0 ? State::stored : State::queued, name, number);
    call(harbour, "kept_" + std::to_string(step), State::stored, "Ford Prefect", "+447700900043");
    Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
    parts.fuse.left = step;
    bool whole = true;
    try {
      static_cast<void>(store_.run(parts.eraser.erase_call(harbour, CallId{id}, "u")));
    } catch (const test::Killed&) {
      whole = false;
    }
    // Another process. Where the rows are there still, nothing had happened, and it is asked for again.
    Parts next{*store_, files_, workers_, clock_, directory_.path() / "spool"};
    ASSERT_TRUE(store_.run(next.eraser.resume()));
    static_cast<void>(store_.run(next.eraser.erase_call(harbour, CallId{id}, "u")));
    EXPECT_FALSE(fs::exists(object(harbour, id)) || fs::exists(spool(harbour, id)));
    EXPECT_EQ(count("SELECT count(*) FROM calls WHERE id = '" + id + "'"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 0);
    EXPECT_TRUE(fs::exists(object(harbour, "kept_" + std::to_string(step))));
    if (whole || HasFailure()) break;
    ++died;
  }
  EXPECT_GE(died, 8);
  EXPECT_FALSE(holds("Zaphod"));
}

// Nobody asks again: what has begun is done by the next start alone, what has not is as it was.
TEST_F(EraserTest, dying_at_any_step_of_a_caller_s_erasure_the_next_start_does_the_rest) {
  constexpr int calls = 5;
  int died = 0, resumed = 0;
  call(harbour, "kept", State::stored, "Ford Prefect", "+447700900043");
  contact(harbour, "cont_ford", "Ford Prefect", "+447700900043");
  for (int step = 1;; ++step) {
    SCOPED_TRACE("dies at step " + std::to_string(step));
    const auto id = [&](int i) { return "call_" + std::to_string(step) + "_" + std::to_string(i); };
    contact(harbour, "cont_1", name, number);
    for (int i = 0; i < calls; ++i)
      call(harbour, id(i), i % 2 == 0 ? State::stored : State::queued, name, number);
    Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    parts.fuse.left = step;
    bool whole = true;
    try {
      static_cast<void>(store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")));
    } catch (const test::Killed&) {
      whole = false;
    }
    const std::string ours = "SELECT count(*) FROM calls WHERE customer_name LIKE 'Zaphod%'";
    const auto left = count(ours);
    Parts next{*store_, files_, workers_, clock_, directory_.path() / "spool", 2};
    ASSERT_TRUE(store_.run(next.eraser.resume()));
    if (left < calls) {
      resumed += left > 0;
    } else {
      EXPECT_EQ(count(ours), calls);
      ASSERT_TRUE(store_.run(next.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")));
    }
    EXPECT_EQ(count(ours), 0);
    EXPECT_EQ(count("SELECT count(*) FROM contacts WHERE id = 'cont_1'"), 0);
    for (int i = 0; i < calls; ++i)
      EXPECT_FALSE(fs::exists(object(harbour, id(i))) || fs::exists(spool(harbour, id(i)))) << i;
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE finished_at IS NULL"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasures WHERE contact_id <> '' OR number <> ''"), 0);
    EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 0);
    // Each step's caller has one receipt, and it counts everything.
    EXPECT_EQ(count("SELECT count(*) FROM erasures"), step);
    EXPECT_EQ(count("SELECT min(json_extract(removed, '$.calls')) FROM erasures"), calls);
    EXPECT_EQ(count("SELECT min(json_extract(removed, '$.contacts')) FROM erasures"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM calls WHERE id = 'kept'"), 1);
    EXPECT_EQ(count("SELECT count(*) FROM contacts"), 1);
    EXPECT_TRUE(fs::exists(object(harbour, "kept")));
    if (whole || HasFailure()) break;
    ++died;
  }
  EXPECT_GE(died, 20);
  EXPECT_GE(resumed, 4);
  for (const char* trace : {"Zaphod", "beeblebrox", "447700900042"}) EXPECT_FALSE(holds(trace)) << trace;
}

}  // namespace
}  // namespace voxanne::housekeeping

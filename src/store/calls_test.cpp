#include "store/calls.h"

#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace voxanne::store {
namespace {

using namespace test;
using domain::CallStatus;
using domain::Direction;

class Calls : public testing::TestWithParam<TempStore::Readers> {
 protected:
  domain::Call insert(domain::Call call) {
    const auto written = store.write([&](Batch& batch) { insert_call(batch, call, this_boot); });
    EXPECT_TRUE(written) << written.error().message;
    return call;
  }
  domain::Call found(const domain::Call& call) {
    return store.run(find_call(*store, {call.org, call.id})).value().value();
  }
  static CallKey key(const domain::Call& call) { return {call.org, call.id}; }

  TempStore store{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Store, Calls,
                         testing::Values(TempStore::Readers::inlined, TempStore::Readers::workers),
                         [](const auto& param) {
                           return param.param == TempStore::Readers::inlined ? "inlined" : "workers";
                         });

TEST_P(Calls, a_call_comes_back_as_it_was_put) {
  domain::Call call = a_call();
  call.phone_number = PhoneNumberId{"test-phone-123"};
  call.direction = Direction::outbound;
  call.channel = domain::Channel::browser;
  call.customer = {"", "O'Brien \"the\" \xc3\xa9mile"};
  call.contact = ContactId{"cont_1"};
  call.recording_status = domain::RecordingStatus::recording;
  call.is_test = true;
  call.metadata = R"({"campaign":7})";
  insert(call);
  const domain::Call back = found(call);
  EXPECT_EQ(back.id, call.id);
  EXPECT_EQ(back.org, harbour);
  EXPECT_EQ(back.assistant, reception);
  EXPECT_EQ(back.phone_number, call.phone_number);
  EXPECT_EQ(back.direction, Direction::outbound);
  EXPECT_EQ(back.channel, domain::Channel::browser);
  EXPECT_EQ(back.status, CallStatus::queued);
  EXPECT_EQ(back.customer.name, call.customer.name);
  EXPECT_EQ(back.contact, call.contact);
  EXPECT_EQ(back.recording_status, domain::RecordingStatus::recording);
  EXPECT_TRUE(back.is_test);
  EXPECT_EQ(back.metadata, call.metadata);
  EXPECT_EQ(back.created_at, noon);
  EXPECT_FALSE(back.started_at || back.answered_at || back.ended_at || back.duration || back.cost_cents);
  EXPECT_FALSE(back.has_recording || back.has_transcript);
  EXPECT_EQ(back.tools_used, "[]");
}

TEST_P(Calls, another_organizations_call_is_not_there) {
  const domain::Call call = insert(a_call());
  EXPECT_FALSE(store.run(find_call(*store, {rival, call.id})).value());
  for (const auto write : {+[](Batch& b, const CallKey& k) { move_call(b, k, CallStatus::ringing, noon); },
                           +[](Batch& b, const CallKey& k) { end_call(b, k, {}, noon); },
                           +[](Batch& b, const CallKey& k) { log_event(b, k, noon, "x"); },
                           +[](Batch& b, const CallKey& k) { put_turn(b, k, {}); },
                           +[](Batch& b, const CallKey& k) { summarize_call(b, k, {}); }}) {
    const auto refused = store.write([&](Batch& batch) { write(batch, {rival, call.id}); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, Fault::conflict) << refused.error().message;
  }
}

TEST_P(Calls, an_organization_that_does_not_exist_has_no_calls) {
  domain::Call call = a_call();
  call.org = OrgId{"nobody"};
  const auto refused = store.write([&](Batch& batch) { insert_call(batch, call, this_boot); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "reference_missing");
}

TEST_P(Calls, steps_may_be_left_out_and_repeated_but_not_taken_back) {
  const domain::Call call = insert(a_call());
  const auto move = [&](CallStatus to, UtcTime at) {
    return store.write([&](Batch& batch) { move_call(batch, key(call), to, at); });
  };
  EXPECT_TRUE(move(CallStatus::queued, noon));
  EXPECT_TRUE(move(CallStatus::in_progress, noon + 3s));
  EXPECT_TRUE(move(CallStatus::in_progress, noon + 9s));
  EXPECT_EQ(found(call).answered_at, noon + 3s);
  EXPECT_EQ(found(call).started_at, noon + 3s);
  EXPECT_EQ(move(CallStatus::ringing, noon).error().kind, Fault::conflict);
  EXPECT_EQ(move(CallStatus::queued, noon).error().kind, Fault::conflict);
  EXPECT_EQ(found(call).status, CallStatus::in_progress);
}

TEST_P(Calls, the_first_verdict_stands) {
  const domain::Call call = insert(a_call());
  ASSERT_TRUE(store.write([&](Batch& b) {
    move_call(b, key(call), CallStatus::in_progress, noon + 2s);
    end_call(b, key(call), {CallStatus::ended, "customer-ended-call", domain::FaultParty::nobody, ""},
             noon + 62'500ms);
  }));
  const auto second = store.write([&](Batch& b) {
    log_event(b, key(call), noon, "must-not-appear");
    end_call(b, key(call), {CallStatus::failed, "worker-shutdown", domain::FaultParty::us, ""}, noon + 90s);
  });
  EXPECT_EQ(second.error().code, "guard_failed");
  EXPECT_FALSE(store.write([&](Batch& b) { move_call(b, key(call), CallStatus::in_progress, noon); }));
  const domain::Call back = found(call);
  EXPECT_EQ(back.status, CallStatus::ended);
  EXPECT_EQ(back.ended_reason, "customer-ended-call");
  EXPECT_EQ(back.duration, 60.5);
  EXPECT_EQ(back.ended_at, noon + 62'500ms);
  int lines = 0;
  EXPECT_TRUE(store.run(visit_log(*store, key(call), [&](const Row&) { ++lines; })));
  EXPECT_EQ(lines, 0) << "nothing of a batch in conflict is applied";
}

TEST_P(Calls, an_unanswered_call_has_no_duration) {
  const domain::Call call = insert(a_call());
  ASSERT_TRUE(store.write([&](Batch& b) {
    end_call(b, key(call), {CallStatus::failed, "call.start.error-x", domain::FaultParty::carrier, "503"},
             noon);
  }));
  EXPECT_FALSE(found(call).duration);
  EXPECT_EQ(found(call).fault, domain::FaultParty::carrier);
}

TEST_P(Calls, log_and_transcript_keep_their_order) {
  const domain::Call call = insert(a_call());
  domain::Turn reply{TurnId{"t2"}, domain::Speaker::assistant, "We open at eight and close at six.", 2'000,
                     4'000};
  reply.latency = {120, 45, 3, std::nullopt};
  reply.source = "Harbour Dental";
  domain::Turn question{TurnId{"t1"}, domain::Speaker::caller, "When do you open?", 500, 1'800, 0.93};
  ASSERT_TRUE(store.write([&](Batch& b) {
    log_event(b, key(call), noon + 1s, "call.answered", R"({"setupMs":12})");
    log_event(b, key(call), noon, "call.clock-went-back");
    put_turn(b, key(call), reply);
    put_turn(b, key(call), question);
    reply.text = "We open at eight";
    reply.end_ms = 2'900;
    reply.interrupted = true;
    put_turn(b, key(call), reply);
  }));
  std::vector<domain::Turn> turns;
  ASSERT_TRUE(
      store.run(visit_turns(*store, key(call), [&](const Row& row) { turns.push_back(turn_from(row)); })));
  ASSERT_EQ(turns.size(), 2u);
  EXPECT_EQ(turns[0].text, "When do you open?");
  EXPECT_EQ(turns[0].confidence, 0.93);
  EXPECT_EQ(turns[1].text, "We open at eight");
  EXPECT_TRUE(turns[1].interrupted);
  EXPECT_EQ(turns[1].end_ms, 2'900);
  EXPECT_EQ(turns[1].source, "Harbour Dental");
  EXPECT_EQ(turns[1].latency.recognition_ms, 45);
  EXPECT_FALSE(turns[1].latency.first_audio_ms);
  EXPECT_TRUE(found(call).has_transcript);
  std::vector<std::string> log;
  ASSERT_TRUE(store.run(visit_log(*store, key(call), [&](const Row& row) {
    log.push_back(row.str(log_column::type) + row.str(log_column::data));
  })));
  EXPECT_THAT(log, testing::ElementsAre(R"(call.answered{"setupMs":12})", "call.clock-went-back{}"));
}

TEST_P(Calls, those_of_an_earlier_boot_are_left_open) {
  const domain::Call mine = insert(a_call());
  const domain::Call orphan = a_call(), ended = a_call(), elsewhere = a_call();
  ASSERT_TRUE(store.write([&](Batch& b) {
    insert_call(b, orphan, {"node-1", "boot-1"});
    insert_call(b, ended, {"node-1", "boot-1"});
    end_call(b, key(ended), {CallStatus::ended, "voicemail", domain::FaultParty::nobody, ""}, noon);
    insert_call(b, elsewhere, {"node-9", "boot-1"});
  }));
  const auto open = store.run(calls_left_open(*store, this_boot)).value();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].id, orphan.id);
}

TEST_P(Calls, statistics_count_verdicts_by_the_hour_without_test_calls) {
  const auto ended = [&](UtcTime created, std::optional<UtcTime> answered, CallStatus status, bool is_test) {
    domain::Call call = a_call();
    call.created_at = created;
    call.is_test = is_test;
    ASSERT_TRUE(store.write([&](Batch& b) {
      insert_call(b, call, this_boot);
      if (answered) move_call(b, key(call), CallStatus::in_progress, *answered);
      end_call(b, key(call), {status, "x", domain::FaultParty::nobody, ""}, created + 30s);
    }));
  };
  ended(noon, noon + 10s, CallStatus::ended, false);
  ended(noon + 59min, {}, CallStatus::ended, false);
  ended(noon + 59min, {}, CallStatus::failed, false);
  ended(noon + 59min, noon + 59min, CallStatus::ended, true);
  ended(noon + 60min, noon + 60min, CallStatus::ended, false);
  insert(a_call());  // without verdict
  std::vector<std::vector<std::int64_t>> rows;
  ASSERT_TRUE(store.run(visit_call_hours(*store, harbour, noon - 1h, noon + 60min, [&](const Row& row) {
    rows.emplace_back();
    for (int i = 0; i <= hour_column::talk_ms; ++i) rows.back().push_back(row.integer(i));
  })));
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_THAT(rows[0], testing::ElementsAre(to_unix_ms(noon), 3, 1, 1, 1, 20'000));
}

}  // namespace
}  // namespace voxanne::store

// Nothing of what was erased is left: not in rows, files or objects, and not in the bytes of the database.
#include "housekeeping/test_eraser.h"

namespace voxanne::housekeeping {
namespace {

TEST_F(EraserTest, a_call_goes_with_all_it_left_and_no_other) {
  for (const State state : {State::none, State::stored, State::queued, State::failed}) {
    const std::string id = "call_" + std::string{domain::to_string(state)};
    call(harbour, id, state, name, number);
    call(rival, id, state, "Ford Prefect", "+447700900043");
    Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
    const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{id}, "usr_1"));
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_TRUE(receipt->erasure.finished_at);
    EXPECT_TRUE(receipt->files_removed && receipt->search_merged);
    EXPECT_EQ(parts.forgotten, std::vector{"harbour/" + id});
    const auto removed = boost::json::parse(receipt->erasure.removed);
    EXPECT_EQ(removed.at("calls"), 1);
    EXPECT_EQ(removed.at("turns"), 1);
    EXPECT_EQ(removed.at("logLines"), 1);
    EXPECT_EQ(removed.at("messages"), 1);
    EXPECT_EQ(removed.at("recordings"), state == State::none ? 0 : 1);
    EXPECT_FALSE(fs::exists(object(harbour, id)) || fs::exists(spool(harbour, id)));
    EXPECT_EQ(fs::exists(object(rival, id)) || fs::exists(spool(rival, id)), state != State::none);
    EXPECT_EQ(store_.run(parts.eraser.erase_call(harbour, CallId{id}, "usr_1")).error().code,
              "call_not_found");
  }
  EXPECT_EQ(count("SELECT count(*) FROM calls WHERE org_id = 'harbour'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM calls WHERE org_id = 'rival'"), 4);
  for (const char* table : {"call_transcripts", "call_logs", "messages"})
    EXPECT_EQ(count(std::string{"SELECT count(*) FROM "} + table), 4) << table;
  EXPECT_EQ(count("SELECT count(*) FROM recording_upload_queue"), 2);
  EXPECT_EQ(count("SELECT count(*) FROM erasure_files"), 0);
  // Whole, as trigrams of the index, and in what was freed.
  for (const char* trace : {"Zaphod", "Beeblebrox", "zap", "beeblebrox", "447700900042"})
    EXPECT_FALSE(holds(trace)) << trace;
  EXPECT_TRUE(holds("Ford Prefect"));
}

TEST_F(EraserTest, a_caller_goes_with_every_call_of_the_number) {
  contact(harbour, "cont_1", name, number);
  contact(harbour, "cont_2", "Ford Prefect", "+447700900043");
  contact(rival, "cont_1", name, number);
  for (int i = 0; i < 120; ++i) call(harbour, "call_" + std::to_string(i), State::stored, name, number);
  call(harbour, "call_ford", State::stored, "Ford Prefect", "+447700900043");
  call(rival, "call_0", State::stored, name, number);
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  const auto receipt = store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "usr_1"));
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("calls"), 120);
  EXPECT_EQ(parts.forgotten.size(), 120u);
  EXPECT_EQ(boost::json::parse(receipt->erasure.removed).at("contacts"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM calls WHERE org_id = 'harbour'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM contacts WHERE org_id = 'harbour'"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM contacts WHERE org_id = 'rival'"), 1);
  EXPECT_FALSE(fs::exists(object(harbour, "call_0")));
  EXPECT_TRUE(fs::exists(object(harbour, "call_ford")));
  EXPECT_TRUE(fs::exists(object(rival, "call_0")));
  EXPECT_EQ(count("SELECT sum(calls) FROM call_counters WHERE org_id = 'harbour'"), 1);
  EXPECT_EQ(store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")).error().code,
            "contact_not_found");
}

TEST_F(EraserTest, kept_answers_go_with_what_they_are_about) {
  contact(harbour, "cont_1", name, number);
  call(harbour, "call_1", State::none, name, number);
  call(harbour, "call_2", State::none, "Ford Prefect", "+447700900043");
  static constexpr store::Statement insert{
      "test.appointment",
      "INSERT INTO appointments (id, org_id, contact_id, staff, service, starts_at, ends_at, status, "
      "created_at, "
      "updated_at) VALUES ('appt_1', 'harbour', 'cont_1', '', '', 1, 2, 'booked', 0, 0)"};
  store::Batch batch;
  batch.add(insert, {});
  ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(batch))));
  const std::string about = R"(,"name":"Zaphod"})";
  for (const OrgId& org : {harbour, rival}) {
    answer(org, "call", R"({"id":"call_1")" + about);
    answer(org, "of the call", R"({"id":"gap_1","callId":"call_1")" + about);
    answer(org, "contact", R"({"id":"cont_1")" + about);
    answer(org, "appointment", R"({"id":"appt_1","callId":null,"contactId":"cont_1")" + about);
    answer(org, "another", R"({"id":"call_2","metadata":{"id":"call_1"}})");
    answer(org, "nothing", "");
  }
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  ASSERT_TRUE(store_.run(parts.eraser.erase_contact(harbour, ContactId{"cont_1"}, "u")));
  EXPECT_EQ(count("SELECT count(*) FROM idempotency_keys WHERE org_id = 'harbour'"), 2);
  EXPECT_EQ(count("SELECT count(*) FROM idempotency_keys WHERE org_id = 'rival'"), 6);
}

TEST_F(EraserTest, what_is_told_outward_of_a_caller_goes_told_or_not) {
  static constexpr const char* ford = "+447700900043";
  const auto told = [&](const OrgId& org, std::string type, const std::string& id, const std::string& call,
                        const std::string& contact = "") {
    return store_.write([&](store::Batch& batch) {
      store::announce(batch, {.org = org,
                              .type = type,
                              .data = R"({"id":")" + id + R"(","notes":"of )" + id + R"(","contactId":")" +
                                      contact + "\"}",
                              .at = test::noon,
                              .call = CallId{call}});
    });
  };
  for (const OrgId& org : {harbour, rival}) {
    contact(org, "zaphod", name, number);
    contact(org, "ford", "Ford Prefect", ford);
    call(org, "call_1", State::none, "Ford Prefect", ford);
    store::Webhook webhook;
    webhook.org = org;
    webhook.id = WebhookId{"wh_1"};
    webhook.events = "appointment.created,appointment.cancelled,message.taken,call.ended";
    webhook.created_at = test::noon;
    static constexpr store::Statement book{
        "test.book",
        "INSERT INTO appointments (id, org_id, contact_id, call_id, staff, service, starts_at, ends_at, "
        "status, "
        "created_at, updated_at) VALUES (?2, ?1, ?3, ?4, '', '', 1, 2, 'booked', 0, 0)"};
    store::Batch batch;
    store::insert_webhook(batch, webhook);
    batch.add(book, {org.str(), "appt_zaphod", "zaphod", ""});
    batch.add(book, {org.str(), "appt_by_phone", "zaphod", "call_1"});
    batch.add(book, {org.str(), "appt_ford", "ford", ""});
    // Ford asks for somebody to be called, and then for himself.
    for (const auto& [id, whose] : {std::pair{"msg_zaphod", number}, std::pair{"msg_ford", ford}}) {
      domain::Message message;
      message.id = MessageId{org.str() + id};
      message.org = org;
      message.call = CallId{"call_1"};
      message.number = whose;
      message.urgency = "normal";
      message.text = "Please call";
      message.created_at = test::noon;
      store::insert_message(batch, message);
      store::Mail mail;
      mail.id = MailId{"mail_" + message.id.str()};
      mail.org = org;
      mail.recipient = "desk@example.com";
      mail.call = message.call;
      mail.message = message.id;
      store::enqueue_mail(batch, mail);
    }
    ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(batch))));
    ASSERT_TRUE(told(org, "appointment.created", "appt_zaphod", ""));
    ASSERT_TRUE(told(org, "appointment.created", "appt_by_phone", "call_1"));
    ASSERT_TRUE(told(org, "message.taken", org.str() + "msg_zaphod", "call_1"));
    static constexpr store::Statement deliver{"test.deliver",
                                              "UPDATE webhook_deliveries SET status = 'delivered', "
                                              "finished_at = 1 WHERE org_id = ?1 AND webhook_id = "
                                              "'wh_1'"};
    store::Batch done;
    done.add(deliver, {org.str()}, 3);
    ASSERT_TRUE(store_.run(store_.sqlite().write(std::move(done))));
    ASSERT_TRUE(told(org, "appointment.cancelled", "appt_zaphod", ""));
    ASSERT_TRUE(told(org, "appointment.cancelled", "appt_moved", "", "zaphod"));
    ASSERT_TRUE(told(org, "appointment.created", "appt_ford", "", "ford"));
    ASSERT_TRUE(told(org, "message.taken", org.str() + "msg_ford", "call_1"));
    ASSERT_TRUE(told(org, "call.ended", "call_1", "call_1"));
  }
  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  ASSERT_TRUE(store_.run(parts.eraser.erase_contact(harbour, ContactId{"zaphod"}, "u")));
  const std::string of_harbour = " WHERE org_id = 'harbour' ";
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries" + of_harbour), 3);
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries" + of_harbour + "AND payload LIKE '%zaphod%'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries" + of_harbour + "AND payload LIKE '%phone%'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM mails" + of_harbour), 1);
  EXPECT_EQ(count("SELECT count(*) FROM mails" + of_harbour + "AND message_id LIKE '%zaphod'"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM webhook_deliveries WHERE org_id = 'rival'"), 8);
  EXPECT_EQ(count("SELECT count(*) FROM mails WHERE org_id = 'rival'"), 2);
}

TEST_F(EraserTest, an_answer_stays_known_without_the_question_of_the_caller) {
  for (const char* id : {"call_1", "call_2", "call_4"}) call(harbour, id, State::none, name, number);
  call(harbour, "call_3", State::none, "Ford Prefect", "+447700900043");
  call(rival, "call_1", State::none, name, number);
  const std::string question = "Can Zaphod Beeblebrox bring both heads?";
  const auto heads = answered(harbour, "call_1", question, "Each cranium is welcome.");
  const auto parking = answered(harbour, "call_2", "Can Beeblebrox park there?", "There are bays.");
  const auto towels = answered(harbour, "call_3", "Do you sell towels?", "Linen is sold.");
  answered(rival, "call_1", question, "Each cranium is welcome.");
  // Asked again, since the answer did not help; and a title that a manager chose.
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::open_gap(batch, *knowledge::gap_of(harbour, CallId{"call_4"}, question, test::noon));
    store::rename_document(batch, harbour, parking, "Parking", test::noon);
  }));
  // Embedded; and being embedded just now.
  store::WaitingDocument embedded{harbour, heads}, embedding{harbour, parking};
  const auto vector_of = [&](store::Batch& batch, const store::WaitingDocument& document) {
    const auto chunks = store_.run(store::chunks_of_document(*store_, harbour, document.id)).value();
    store::put_vector(batch, harbour, chunks.at(0).id, "model", "1234");
    store::count_embedded(batch, document, 1);
  };
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::claim_document(batch, embedded, test::noon + 1h);
    vector_of(batch, embedded);
    store::claim_document(batch, embedding, test::noon + 1h);
  }));
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::change_dimensions(batch, "model", 1, test::noon);
    store::finish_document(batch, embedded, "model");
  }));
  answer(harbour, "answer", R"({"id":")" + heads.str() + R"(","title":"Zaphod Beeblebrox"})");
  const auto version = [&] { return store_.run(store::knowledge_version(*store_, harbour)).value(); };
  const auto before = version();
  ASSERT_EQ(knows(harbour, "beeblebrox").size(), 2u);

  Parts parts{*store_, files_, workers_, clock_, directory_.path() / "spool"};
  for (const char* id : {"call_1", "call_2", "call_4"}) {
    const auto receipt = store_.run(parts.eraser.erase_call(harbour, CallId{id}, "u"));
    ASSERT_TRUE(receipt && receipt->erasure.finished_at) << id;
  }
  EXPECT_EQ(parts.changed, (std::vector<std::string>{"harbour", "harbour"})) << "call_4 has no answer";
  EXPECT_EQ(version(), before + 2);
  EXPECT_THAT(knows(harbour, "beeblebrox"), testing::IsEmpty());
  EXPECT_THAT(knows(harbour, "cranium"),
              testing::ElementsAre("Answered question: /Each cranium is welcome."));
  EXPECT_THAT(knows(harbour, "bays"), testing::ElementsAre("Parking: /There are bays."));
  EXPECT_THAT(knows(harbour, "towels"),
              testing::ElementsAre("Do you sell towels?: Do you sell towels?/Linen is sold."));
  EXPECT_EQ(knows(rival, "beeblebrox").size(), 1u);
  const auto document = store_.run(store::find_document(*store_, harbour, heads)).value().value();
  EXPECT_TRUE(document.embedding_due_at && document.embedding_model.empty());
  EXPECT_EQ(document.embedded_chunks, 0);
  EXPECT_EQ(count("SELECT count(*) FROM knowledge_base_vectors"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM idempotency_keys"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM knowledge_gaps WHERE org_id = 'harbour'"), 1);
  const auto late = store_.write([&](store::Batch& batch) { vector_of(batch, embedding); });
  ASSERT_FALSE(late) << "a vector of the question";
  EXPECT_EQ(late.error().kind, Fault::conflict);
  check_search();

  ASSERT_TRUE(store_.run(parts.eraser.erase_call(rival, CallId{"call_1"}, "u")));
  for (const char* trace : {"Zaphod", "Beeblebrox", "zaphod", "beeblebrox"})
    EXPECT_FALSE(holds(trace)) << trace;
  EXPECT_TRUE(holds("towels"));
}

TEST_F(EraserTest, retention_takes_a_call_and_leaves_what_was_learnt_from_it) {
  call(harbour, "call_1", State::none, name, number);
  answered(harbour, "call_1", "Do you sell towels?", "Linen is sold.");
  ASSERT_TRUE(store_.write([&](store::Batch& batch) {
    store::erase_call_records(batch, {harbour, CallId{"call_1"}}, store::Keep::open_messages);
  }));
  EXPECT_EQ(count("SELECT count(*) FROM knowledge_gaps"), 0);
  EXPECT_EQ(knows(harbour, "towels").size(), 1u);
  EXPECT_EQ(count("SELECT knowledge_due FROM search_rounds"), 0);
}

}  // namespace
}  // namespace voxanne::housekeeping

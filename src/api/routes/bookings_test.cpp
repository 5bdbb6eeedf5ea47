// Contacts, appointments, the organization, and what is deleted.
#include "api/routes/test_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace voxanne::api {
namespace {

class Bookings : public testing::Test {
 protected:
  boost::json::value made(const std::string& path, const std::string& body) {
    const auto answer = world.ask("POST", path, "demo", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  std::string path_of(const std::string& list, const boost::json::value& object) {
    return list + "/" + std::string{object.at("id").as_string()};
  }
  void expect_problem(const test::HttpAnswer& answer, int status, const std::string& code) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(std::string{answer.json().at("code").as_string()}, code) << answer.body;
  }
  static std::string at(const std::string& from, const std::string& to, const std::string& staff = "Dr Reed",
                        const std::string& more = "") {
    return R"({"staff":")" + staff + R"(","startsAt":"2030-05-06T)" + from +
           R"(:00Z","endsAt":"2030-05-06T)" + to + R"(:00Z")" + more + "}";
  }

  World world;
};

TEST_F(Bookings, a_contact_is_added_changed_found_by_its_number_and_deleted) {
  const auto contact = made("/api/contacts", R"({"name":"Ada","number":"+44 7700 900123"})");
  EXPECT_EQ(contact.at("number"), "+447700900123");
  const auto path = path_of("/api/contacts", contact);
  EXPECT_EQ(world.get(path).json(), contact);
  const auto found = world.get("/api/contacts?number=%2B447700900123").json();
  EXPECT_EQ(found.at("contacts").at(0), contact);
  EXPECT_EQ(world.get("/api/contacts?number=%2B447700900999").json().at("contacts").as_array().size(), 0u);

  const auto changed = world
                           .ask("PATCH", path, "demo",
                                R"({"email":"Ada@Example.com","number":null,"notes":"prefers mornings"})")
                           .json();
  EXPECT_EQ(changed.at("email"), "ada@example.com");
  EXPECT_TRUE(changed.at("number").is_null());
  EXPECT_EQ(changed.at("name"), "Ada");

  EXPECT_EQ(world.ask("DELETE", path).status, 204);
  expect_problem(world.get(path), 404, "contact_not_found");
  expect_problem(world.ask("DELETE", path), 404, "contact_not_found");
}

TEST_F(Bookings, a_number_is_one_contact_s_within_an_organization) {
  made("/api/contacts", R"({"name":"Ada","number":"+447700900123"})");
  const auto other = made("/api/contacts", R"({"name":"Bob"})");
  expect_problem(world.ask("POST", "/api/contacts", "demo", R"({"name":"Eve","number":"+447700900123"})"),
                 409, "contact_number_taken");
  expect_problem(world.ask("PATCH", path_of("/api/contacts", other), "demo", R"({"number":"+447700900123"})"),
                 409, "contact_number_taken");
  EXPECT_EQ(world.ask("POST", "/api/contacts", "other", R"({"name":"Eve","number":"+447700900123"})").status,
            200);
}

TEST_F(Bookings, pages_of_contacts_are_newest_first_and_go_on_by_cursor) {
  for (const char* name : {"a", "b", "c"})
    made("/api/contacts", std::string{R"({"name":")"} + name + R"("})");
  const auto first = world.get("/api/contacts?limit=2").json();
  EXPECT_EQ(first.at("contacts").at(0).at("name"), "c");
  const std::string cursor{first.at("pagination").at("nextCursor").as_string()};
  const auto second = world.get("/api/contacts?limit=2&cursor=" + cursor).json();
  EXPECT_EQ(second.at("contacts").at(0).at("name"), "a");
  EXPECT_TRUE(second.at("pagination").at("nextCursor").is_null());
}

TEST_F(Bookings, nobody_is_booked_twice_at_a_time) {
  const auto booked = made("/api/appointments", at("09:00", "10:00"));
  for (const auto& [from, to] : {std::pair{"09:00", "10:00"},
                                 {"09:30", "09:45"},
                                 {"08:00", "09:01"},
                                 {"09:59", "11:00"},
                                 {"08:00", "12:00"}})
    expect_problem(world.ask("POST", "/api/appointments", "demo", at(from, to)), 409, "appointment_overlaps");
  made("/api/appointments", at("10:00", "11:00"));
  made("/api/appointments", at("08:00", "09:00"));
  made("/api/appointments", at("09:00", "10:00", "Dr Moss"));
  EXPECT_EQ(world.ask("POST", "/api/appointments", "other", at("09:00", "10:00")).status, 200);

  // Moved onto another, or back from the dead onto it: refused too. Moved within its own time: fine.
  const auto path = path_of("/api/appointments", booked);
  expect_problem(world.ask("PATCH", path, "demo", R"({"endsAt":"2030-05-06T10:30:00Z"})"), 409,
                 "appointment_overlaps");
  EXPECT_EQ(world.ask("PATCH", path, "demo", R"({"startsAt":"2030-05-06T09:15:00Z"})").status, 200);
  EXPECT_EQ(world.ask("DELETE", path).status, 204);
  EXPECT_EQ(world.get(path).json().at("status"), "cancelled");
  made("/api/appointments", at("09:00", "10:00"));
  expect_problem(world.ask("PATCH", path, "demo", R"({"status":"booked"})"), 409, "appointment_overlaps");
}

TEST_F(Bookings, of_many_at_once_one_gets_the_time) {
  std::atomic<int> booked{0}, refused{0};
  std::vector<std::jthread> askers;
  for (int i = 0; i < 16; ++i)
    askers.emplace_back([&, i] {
      const std::string minute = std::to_string(10 + i);
      const auto answer = world.ask("POST", "/api/appointments", "demo", at("09:" + minute, "10:" + minute));
      ++(answer.status == 200 ? booked : refused);
    });
  askers.clear();
  EXPECT_EQ(booked, 1);
  EXPECT_EQ(refused, 15);
}

TEST_F(Bookings, what_cannot_be_is_refused) {
  expect_problem(world.ask("POST", "/api/appointments", "demo", at("10:00", "10:00")), 422,
                 "appointment_ends_early");
  expect_problem(
      world.ask("POST", "/api/appointments", "demo",
                R"({"staff":"x","startsAt":"2030-05-06T09:00:00Z","endsAt":"2030-05-07T09:00:01Z"})"),
      422, "appointment_too_long");
  expect_problem(world.ask("POST", "/api/appointments", "demo",
                           at("09:00", "10:00", "x", R"(,"contactId":"cont_none")")),
                 422, "contact_not_found");
  expect_problem(world.ask("POST", "/api/appointments", "demo", R"({"staff":"x","startsAt":"soon"})"), 400,
                 "invalid_field");
}

TEST_F(Bookings, appointments_are_listed_by_time_staff_and_cursor) {
  made("/api/appointments", at("11:00", "12:00"));
  made("/api/appointments", at("09:00", "10:00"));
  made("/api/appointments", at("09:00", "10:00", "Dr Moss"));
  const auto starts = [&](const std::string& query) {
    std::string out;
    const auto page = world.get("/api/appointments" + query).json();
    for (const auto& one : page.at("appointments").as_array())
      out += std::string{one.at("startsAt").as_string()}.substr(11, 2) + " ";
    return out;
  };
  EXPECT_EQ(starts(""), "09 09 11 ");
  EXPECT_EQ(starts("?staff=Dr%20Reed"), "09 11 ");
  EXPECT_EQ(starts("?from=2030-05-06T09:30:00Z"), "11 ");
  EXPECT_EQ(starts("?to=2030-05-06T11:00:00Z"), "09 09 ");
  const auto first = world.get("/api/appointments?limit=2").json();
  EXPECT_EQ(starts("?limit=2&cursor=" + std::string{first.at("pagination").at("nextCursor").as_string()}),
            "11 ");
}

TEST_F(Bookings, a_deleted_contact_leaves_its_appointments) {
  const auto contact = made("/api/contacts", R"({"name":"Ada"})");
  const std::string id{contact.at("id").as_string()};
  const auto booked =
      made("/api/appointments", at("09:00", "10:00", "Dr Reed", R"(,"contactId":")" + id + "\""));
  EXPECT_EQ(booked.at("contactId"), id.c_str());
  EXPECT_EQ(world.ask("DELETE", "/api/contacts/" + id).status, 204);
  EXPECT_TRUE(world.get(path_of("/api/appointments", booked)).json().at("contactId").is_null());
}

TEST_F(Bookings, an_owner_may_have_all_erased_that_was_recorded_of_a_contact) {
  const auto contact = made("/api/contacts", R"({"name":"Ada","number":"+447700900123"})");
  const auto path = path_of("/api/contacts", contact) + "?erase=true";
  EXPECT_EQ(world.ask("DELETE", path, "demo", "", Role::manager).status, 403);
  const auto receipt = world.ask("DELETE", path);
  EXPECT_EQ(receipt.status / 100, 2) << receipt.body;
  EXPECT_EQ(receipt.json().at("removed").at("contacts"), 1);
  expect_problem(world.ask("DELETE", path), 404, "contact_not_found");
}

TEST_F(Bookings, the_receipt_says_what_of_a_contact_is_still_to_be_erased) {
  world.add_line("demo", "desk", "line");
  const auto contact = made("/api/contacts", R"({"name":"Ada","number":"+447700900123"})");
  store::Batch batch;
  for (int i = 0; i < 3; ++i) {
    domain::Call call;
    call.id = CallId{"call_" + std::to_string(i)};
    call.org = OrgId{"demo"};
    call.assistant = AssistantId{"desk"};
    call.customer.number = "+447700900123";
    call.created_at = world.clock().utc();
    store::insert_call(batch, call, {"node", "boot"});
    if (i < 2)
      store::end_call(batch, {call.org, call.id},
                      {.status = domain::CallStatus::ended,
                       .reason = std::string{domain::ended::customer},
                       .fault = domain::FaultParty::nobody,
                       .detail = {}},
                      call.created_at);
  }
  world.write(std::move(batch));
  const auto path = path_of("/api/contacts", contact);
  const auto receipt = world.ask("DELETE", path + "?erase=true");
  EXPECT_EQ(receipt.status, 202) << receipt.body;
  EXPECT_EQ(receipt.json().at("pending"), (boost::json::array{"records"}));
  EXPECT_TRUE(receipt.json().at("finishedAt").is_null());
  EXPECT_EQ(receipt.json().at("removed").at("calls"), 2);
  EXPECT_EQ(receipt.json().at("removed").at("contacts"), 0);
  EXPECT_EQ(world.get(path).status, 200);
  expect_problem(world.ask("DELETE", path + "?erase=true"), 409, "call_in_progress");
}

TEST_F(Bookings, a_receipt_can_be_read_again_until_all_of_it_is_gone_and_after_it) {
  const auto contact = made("/api/contacts", R"({"name":"Ada","number":"+447700900123"})");
  const auto receipt = world.ask("DELETE", path_of("/api/contacts", contact) + "?erase=true").json();
  const std::string id{receipt.at("id").as_string()};
  const auto read = world.get("/api/erasures/" + id);
  ASSERT_EQ(read.status, 200) << read.body;
  EXPECT_EQ(read.json(), receipt);
  EXPECT_EQ(world.get("/api/erasures").json().at("erasures"), boost::json::array{receipt});
  EXPECT_EQ(world.ask("GET", "/api/erasures", "demo", "", Role::manager).status, 403);
  expect_problem(world.get("/api/erasures/ers_none"), 404, "erasure_not_found");
  expect_problem(world.ask("GET", "/api/erasures/" + id, "other", "", Role::owner), 404, "erasure_not_found");

  // A file that is owed, as an object store that is away leaves it.
  store::Erasure open;
  open.id = "ers_open";
  open.org = OrgId{"demo"};
  open.subject = "call";
  open.requested_by = "somebody";
  open.requested_at = world.clock().utc();
  open.removed = R"({"calls":1,"turns":0,"logLines":0,"messages":0,"recordings":1,"contacts":0})";
  store::Batch batch;
  store::put_erasure(batch, open);
  store::owe_file(batch, open, {CallId{"call_gone"}, "demo/call_gone.ogg"});
  world.write(std::move(batch));
  EXPECT_EQ(world.get("/api/erasures/ers_open").json().at("pending"),
            (boost::json::array{"recordings", "search"}));
  EXPECT_EQ(world.get("/api/erasures?limit=1").json().at("erasures").as_array().size(), 1u);
}

TEST_F(Bookings, the_organization_is_the_owner_s_to_change) {
  EXPECT_EQ(world.get("/api/organization").json().at("messageRecipients").as_array().size(), 0u);
  const auto changed = world.ask("PATCH", "/api/organization", "demo",
                                 R"({"name":"Harbour","maxConcurrentCalls":3,)"
                                 R"("messageRecipients":["Desk@Example.com","desk@example.com"]})");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.json().at("name"), "Harbour");
  EXPECT_EQ(changed.json().at("maxConcurrentCalls"), 3);
  EXPECT_EQ(changed.json().at("messageRecipients").as_array().size(), 1u);
  expect_problem(world.ask("PATCH", "/api/organization", "demo", R"({"timezone":"../../etc/passwd"})"), 400,
                 "invalid_field");
  expect_problem(world.ask("PATCH", "/api/organization", "demo", R"({"messageRecipients":["a\r\nb@c"]})"),
                 400, "invalid_field");
  for (const char* unmailable : {"jos\u00e9@example.com", "ann(desk)@example.com", "ann@[192.0.2.1]"})
    expect_problem(
        world.ask("PATCH", "/api/organization", "demo",
                  R"({"messageRecipients":["desk@example.com",")" + std::string{unmailable} + "\"]}"),
        400, "invalid_field");
  EXPECT_EQ(world.ask("PATCH", "/api/organization", "demo", R"({"name":"x"})", Role::manager).status, 403);
  EXPECT_EQ(world.get("/api/organization").json().at("name"), "Harbour");
}

TEST_F(Bookings, an_assistant_that_answers_a_number_stays_until_the_number_goes) {
  const auto assistant = made("/api/assistants", R"({"name":"a","greeting":"hello"})");
  const auto number = made("/api/phone-numbers", R"({"number":"+442079460009","assistantId":")" +
                                                     std::string{assistant.at("id").as_string()} + R"("})");
  const auto path = path_of("/api/assistants", assistant);
  expect_problem(world.ask("DELETE", path), 409, "assistant_in_use");
  EXPECT_EQ(world.ask("DELETE", path_of("/api/phone-numbers", number)).status, 204);
  EXPECT_EQ(world.ask("DELETE", path).status, 204);
  expect_problem(world.ask("DELETE", path), 404, "assistant_not_found");
  expect_problem(world.ask("DELETE", path_of("/api/phone-numbers", number)), 404, "phone_number_not_found");
}

}  // namespace
}  // namespace voxanne::api

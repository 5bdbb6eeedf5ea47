// Organizations with their assistants and numbers, messages, the demo, and a node's heartbeat.
#include "store/organizations.h"

#include "store/demo.h"
#include "store/messages.h"
#include "store/nodes.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::store {
namespace {

using namespace test;

class Organizations : public testing::Test {
 protected:
  TempStore store;
};

TEST_F(Organizations, one_named_by_a_token_exists_from_its_first_use_on) {
  const OrgId org{"org_new"};
  EXPECT_FALSE(store.run(find_organization(*store, org)).value());
  EXPECT_TRUE(store.run(ensure_organization(*store, org, noon)));
  EXPECT_TRUE(store.run(ensure_organization(*store, org, noon)));
  EXPECT_EQ(store.run(find_organization(*store, org)).value()->name, "org_new");
  ASSERT_TRUE(store.write([&](Batch& b) { put_organization(b, {org, "Named", "Europe/Paris", 3}, noon); }));
  EXPECT_TRUE(store.run(ensure_organization(*store, org, noon)));
  const auto back = store.run(find_organization(*store, org)).value().value();
  EXPECT_EQ(back.name, "Named");
  EXPECT_EQ(back.timezone, "Europe/Paris");
  EXPECT_EQ(back.max_concurrent_calls, 3);
}

TEST_F(Organizations, an_erased_one_stays_refused) {
  ASSERT_TRUE(store.write([&](Batch& b) { erase_organization(b, rival, noon); }));
  EXPECT_FALSE(store.run(find_organization(*store, rival)).value());
  const auto refused = store.run(ensure_organization(*store, rival, noon));
  EXPECT_EQ(refused.error().kind, Fault::forbidden);
  EXPECT_EQ(refused.error().code, "organization_erased");
  EXPECT_EQ(store.write([&](Batch& b) { put_organization(b, {rival, "Back", "UTC", 0}, noon); }).error().kind,
            Fault::conflict);
}

TEST_F(Organizations, assistants_and_numbers_come_back_as_they_were_put) {
  domain::Assistant assistant;
  assistant.id = AssistantId{"front"};
  assistant.org = harbour;
  assistant.name = "Front desk";
  assistant.greeting = "Hello";
  assistant.instructions = "Be kind";
  assistant.voice = "rms";
  assistant.goodbye = "Bye";
  assistant.idle_prompt_after = 5s;
  assistant.max_duration = 10min;
  assistant.record = false;
  const domain::PhoneNumber number{PhoneNumberId{"n"}, harbour, assistant.id, "+447700900000",
                                   domain::PhoneNumber::Carrier::twilio};
  ASSERT_TRUE(store.write([&](Batch& b) {
    put_assistant(b, assistant, noon);
    put_phone_number(b, number, noon);
  }));
  const auto back = store.run(find_assistant(*store, harbour, assistant.id)).value().value();
  EXPECT_EQ(back.name, "Front desk");
  EXPECT_EQ(back.greeting, "Hello");
  EXPECT_EQ(back.instructions, "Be kind");
  EXPECT_EQ(back.voice, "rms");
  EXPECT_EQ(back.goodbye, "Bye");
  EXPECT_EQ(back.idle_prompt_after, 5s);
  EXPECT_EQ(back.max_duration, 10min);
  EXPECT_FALSE(back.record);
  EXPECT_EQ(store.run(assistants_of(*store, harbour)).value().size(), 2u);
  EXPECT_FALSE(store.run(find_assistant(*store, rival, assistant.id)).value());

  const auto dialled = store.run(phone_number_dialled(*store, "+447700900000")).value().value();
  EXPECT_EQ(dialled.org, harbour);
  EXPECT_EQ(dialled.id, number.id);
  EXPECT_EQ(dialled.assistant, assistant.id);
  EXPECT_EQ(dialled.carrier, domain::PhoneNumber::Carrier::twilio);
  EXPECT_FALSE(store.run(phone_number_dialled(*store, "")).value());
  EXPECT_FALSE(store.run(phone_number_dialled(*store, "+447700900001")).value());
  EXPECT_EQ(store.run(page_of_phone_numbers(*store, harbour, {})).value().items.size(), 1u);
  EXPECT_FALSE(store.run(find_phone_number(*store, rival, number.id)).value());
}

TEST_F(Organizations, a_number_rings_at_one_organization_and_one_of_its_assistants) {
  const auto put = [&](OrgId org, std::string id, AssistantId assistant, std::string number) {
    return store.write([&](Batch& b) {
      put_phone_number(
          b, {PhoneNumberId{std::move(id)}, org, assistant, number, domain::PhoneNumber::Carrier::sip}, noon);
    });
  };
  EXPECT_TRUE(put(harbour, "n", reception, "+447700900000"));
  EXPECT_EQ(put(rival, "n", reception, "+447700900000").error().code, "already_exists");
  EXPECT_EQ(put(harbour, "m", AssistantId{"nobody"}, "+447700900001").error().code, "reference_missing");
  EXPECT_TRUE(put(harbour, "b1", reception, ""));
  EXPECT_TRUE(put(rival, "b1", reception, "")) << "built-in numbers have none";
}

TEST_F(Organizations, a_change_is_made_of_what_was_read_or_not_at_all) {
  const auto found = store.run(organization_for_update(*store, harbour)).value().value();
  domain::Organization changed = found.value;
  changed.name = "First";
  const auto update = [&] {
    return store.write([&](Batch& b) { update_organization(b, changed, found.as_of, found.as_of); });
  };
  EXPECT_TRUE(update());
  changed.name = "Second";
  EXPECT_EQ(update().error().code, "guard_failed") << "within the same millisecond too";
  EXPECT_EQ(store.run(find_organization(*store, harbour)).value()->name, "First");

  const auto again = store.run(organization_for_update(*store, harbour)).value().value();
  EXPECT_GT(again.as_of, found.as_of);
  ASSERT_TRUE(store.write([&](Batch& b) { erase_organization(b, harbour, noon); }));
  EXPECT_EQ(store.write([&](Batch& b) { update_organization(b, changed, again.as_of, noon); }).error().code,
            "guard_failed");
}

TEST_F(Organizations, messages_are_kept_listed_and_handled) {
  std::vector<domain::Message> taken;
  for (int i = 0; i < 3; ++i) {
    taken.push_back({MessageId::make(),
                     harbour,
                     CallId{"call"},
                     "Ada",
                     "+447700900123",
                     "Call me back",
                     i == 2 ? "urgent" : "normal",
                     noon + seconds{i},
                     {},
                     {}});
    ASSERT_TRUE(store.write([&](Batch& b) { insert_message(b, taken.back()); }));
  }
  EXPECT_EQ(store.write([&](Batch& b) { insert_message(b, taken.back()); }).error().code, "already_exists")
      << "a journalled message applied twice is one message";
  std::vector<domain::Message> seen;
  const auto page = store.run(page_of_messages(*store, harbour, {.limit = 2},
                                               [&](const Row& row) { seen.push_back(message_from(row)); }));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->next);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].id, taken[2].id);
  EXPECT_EQ(seen[0].urgency, "urgent");
  EXPECT_EQ(seen[0].caller_name, "Ada");
  EXPECT_EQ(seen[0].number, "+447700900123");
  EXPECT_EQ(seen[0].text, "Call me back");
  EXPECT_EQ(seen[0].call, CallId{"call"});

  const auto handle = [&](OrgId org, std::string by) {
    return store.write([&](Batch& b) { set_message_handled(b, org, taken[0].id, by, noon + 1h); });
  };
  EXPECT_EQ(handle(rival, "eve").error().kind, Fault::conflict);
  ASSERT_TRUE(handle(harbour, "linda"));
  auto handled = store.run(find_message(*store, harbour, taken[0].id)).value().value();
  EXPECT_EQ(handled.handled_by, "linda");
  EXPECT_EQ(handled.handled_at, noon + 1h);
  ASSERT_TRUE(handle(harbour, ""));
  handled = store.run(find_message(*store, harbour, taken[0].id)).value().value();
  EXPECT_FALSE(handled.handled_at);
  EXPECT_FALSE(store.run(find_message(*store, rival, taken[0].id)).value());
}

TEST_F(Organizations, seeding_the_demo_twice_keeps_what_was_edited) {
  const OrgId org{std::string{demo::organization_id}};
  const AssistantId id{std::string{demo::assistant_id}};
  ASSERT_TRUE(store.run(demo::seed(*store, noon)));
  auto assistant = store.run(find_assistant(*store, org, id)).value().value();
  EXPECT_EQ(store.run(find_organization(*store, org)).value()->name, "Harbour Dental");
  assistant.greeting = "Edited";
  ASSERT_TRUE(store.write([&](Batch& b) { put_assistant(b, assistant, noon); }));
  ASSERT_TRUE(store.run(demo::seed(*store, noon + 1h)));
  EXPECT_EQ(store.run(find_assistant(*store, org, id)).value()->greeting, "Edited");
  const auto number =
      store.run(find_phone_number(*store, org, PhoneNumberId{std::string{demo::phone_number_id}}))
          .value()
          .value();
  EXPECT_EQ(number.carrier, domain::PhoneNumber::Carrier::builtin);
  EXPECT_EQ(number.assistant, id);
}

TEST_F(Organizations, the_demo_knows_about_forty_facts) {
  const std::string_view text = demo::knowledge_markdown();
  EXPECT_TRUE(text.starts_with("# Harbour Dental\n"));
  int facts = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    facts += std::isalpha(text[at]) != 0;
  EXPECT_GE(facts, 40);
  EXPECT_LE(facts, 60);
}

TEST_F(Organizations, a_node_beats) {
  EXPECT_TRUE(store.run(beat(*store, this_boot, noon)));
  EXPECT_TRUE(store.run(beat(*store, this_boot, noon + 2s)));
  EXPECT_TRUE(store.run(beat(*store, {"node-1", "boot-3"}, noon + 4s)));
  static constexpr Statement row{"test.node", "SELECT boot_id, started_at, seen_at FROM nodes"};
  ASSERT_TRUE(store.run(store.sqlite().read(row, {}, [](const Row& found) {
    EXPECT_EQ(found.text(0), "boot-3");
    EXPECT_EQ(found.integer(1), to_unix_ms(noon + 4s));
    EXPECT_EQ(found.integer(2), to_unix_ms(noon + 4s));
  })));
}

}  // namespace
}  // namespace voxanne::store

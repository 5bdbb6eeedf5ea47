#include "store/organizations.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

#include <algorithm>

namespace voxanne::store {
namespace {

constexpr Statement put_org{
    "organizations.put",
    "INSERT INTO organizations (id, name, timezone, max_concurrent_calls, recording_retention_days, "
    "call_retention_days, consent_announcement, created_at, updated_at) "
    "VALUES (?1, ?2, ?3, ?4, ?6, ?7, ?8, ?5, ?5) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
    "timezone = excluded.timezone, max_concurrent_calls = excluded.max_concurrent_calls, "
    "recording_retention_days = excluded.recording_retention_days, "
    "call_retention_days = excluded.call_retention_days, "
    "consent_announcement = excluded.consent_announcement, "
    "updated_at = excluded.updated_at WHERE erased_at IS NULL"};

constexpr Statement update_org{
    "organizations.update",
    "UPDATE organizations SET name = ?2, timezone = ?3, max_concurrent_calls = ?4, updated_at = ?5, "
    "recording_retention_days = ?6, call_retention_days = ?7, consent_announcement = ?8 "
    "WHERE id = ?1 AND updated_at = ?9 AND erased_at IS NULL"};

constexpr Statement add_org{"organizations.add",
                            "INSERT INTO organizations (id, name, created_at, updated_at) "
                            "VALUES (?1, ?1, ?2, ?2) ON CONFLICT (id) DO NOTHING"};

constexpr Statement erase_org{"organizations.erase",
                              "UPDATE organizations SET erased_at = ?2, name = '' WHERE id = ?1"};

constexpr Statement one_org{
    "organizations.one",
    "SELECT id, name, timezone, max_concurrent_calls, recording_retention_days, call_retention_days, "
    "consent_announcement, updated_at FROM organizations WHERE id = ?1 AND erased_at IS NULL"};
constexpr int org_updated_at = 7;

constexpr Statement known_org{"organizations.known",
                              "SELECT erased_at IS NOT NULL FROM organizations WHERE id = ?1"};

constexpr Statement put_one_assistant{
    "assistants.put",
    "INSERT INTO assistants (org_id, id, name, greeting, instructions, voice, goodbye, idle_prompt_after_ms, "
    "max_duration_ms, record, consent_announcement, created_at, updated_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?12, ?11, ?11) ON CONFLICT (org_id, id) DO UPDATE SET "
    "name = excluded.name, greeting = excluded.greeting, instructions = excluded.instructions, "
    "voice = excluded.voice, goodbye = excluded.goodbye, "
    "idle_prompt_after_ms = excluded.idle_prompt_after_ms, max_duration_ms = excluded.max_duration_ms, "
    "record = excluded.record, consent_announcement = excluded.consent_announcement, updated_at = "
    "excluded.updated_at"};

constexpr Statement update_one_assistant{
    "assistants.update",
    "UPDATE assistants SET name = ?3, greeting = ?4, instructions = ?5, voice = ?6, goodbye = ?7, "
    "idle_prompt_after_ms = ?8, max_duration_ms = ?9, record = ?10, updated_at = ?11, "
    "consent_announcement = ?12 WHERE org_id = ?1 AND id = ?2 AND updated_at = ?13"};

#define ASSISTANTS                                                                                          \
  "SELECT a.org_id, a.id, a.name, a.greeting, a.instructions, a.voice, a.goodbye, a.idle_prompt_after_ms, " \
  "a.max_duration_ms, a.record, a.consent_announcement, "                                                   \
  "coalesce(a.consent_announcement, o.consent_announcement), a.updated_at "                                 \
  "FROM assistants a JOIN organizations o ON o.id = a.org_id "

constexpr int assistant_updated_at = 12;

constexpr Statement one_assistant{"assistants.one", ASSISTANTS "WHERE a.org_id = ?1 AND a.id = ?2"};
constexpr Statement org_assistants{"assistants.of_org", ASSISTANTS "WHERE a.org_id = ?1 ORDER BY a.id"};

constexpr Statement assistant_page{
    "assistants.page", ASSISTANTS "WHERE a.org_id = ?1 AND a.id > ?2 ORDER BY a.id LIMIT ?3 OFFSET ?4"};

constexpr Statement put_number{
    "phone_numbers.put",
    "INSERT INTO phone_numbers (org_id, id, assistant_id, number, carrier, created_at, updated_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (org_id, id) DO UPDATE SET "
    "assistant_id = excluded.assistant_id, number = excluded.number, carrier = excluded.carrier, "
    "updated_at = excluded.updated_at"};

constexpr Statement update_number{
    "phone_numbers.update",
    "UPDATE phone_numbers SET assistant_id = ?3, number = ?4, carrier = ?5, updated_at = ?6 "
    "WHERE org_id = ?1 AND id = ?2 AND updated_at = ?7"};

#define NUMBER_COLUMNS "org_id, id, assistant_id, number, carrier, updated_at"
constexpr int number_updated_at = 5;

constexpr Statement one_number{"phone_numbers.one",
                               "SELECT " NUMBER_COLUMNS " FROM phone_numbers WHERE org_id = ?1 AND id = ?2"};
constexpr Statement number_page{"phone_numbers.page", "SELECT " NUMBER_COLUMNS
                                                      " FROM phone_numbers WHERE org_id = ?1 AND id > ?2 "
                                                      "ORDER BY id LIMIT ?3 OFFSET ?4"};
constexpr Statement dialled{"phone_numbers.dialled",
                            "SELECT " NUMBER_COLUMNS
                            " FROM phone_numbers WHERE number = ?1 AND number <> ''"};

constexpr Statement drop_assistant{"assistants.remove",
                                   "DELETE FROM assistants WHERE org_id = ?1 AND id = ?2"};
constexpr Statement drop_number{"phone_numbers.remove",
                                "DELETE FROM phone_numbers WHERE org_id = ?1 AND id = ?2"};

domain::Organization organization_from(const Row& row) {
  return {id_from<OrgTag>(row, 0), row.str(1),       row.str(2), static_cast<int>(row.integer(3)),
          int_from(row, 4),        int_from(row, 5), row.str(6)};
}

domain::Assistant assistant_from(const Row& row) {
  domain::Assistant assistant;
  assistant.org = id_from<OrgTag>(row, 0);
  assistant.id = id_from<AssistantTag>(row, 1);
  assistant.name = row.str(2);
  assistant.greeting = row.str(3);
  assistant.instructions = row.str(4);
  assistant.voice = row.str(5);
  assistant.goodbye = row.str(6);
  assistant.idle_prompt_after = milliseconds{row.integer(7)};
  assistant.max_duration = milliseconds{row.integer(8)};
  assistant.record = row.integer(9) != 0;
  if (!row.is_null(10)) assistant.own_consent_announcement = row.str(10);
  assistant.consent_announcement = row.str(11);
  return assistant;
}

domain::PhoneNumber number_from(const Row& row) {
  return {id_from<PhoneNumberTag>(row, 1), id_from<OrgTag>(row, 0), id_from<AssistantTag>(row, 2), row.str(3),
          word_from(row, 4, domain::parse_carrier)};
}

template <class T, T (*from)(const Row&), int updated_at>
AsOf<T> as_of_from(const Row& row) {
  return {from(row), from_unix_ms(row.integer(updated_at))};
}

std::vector<Value> values_of(const domain::Organization& organization, UtcTime at) {
  return {bound(organization.id),
          organization.name,
          organization.timezone,
          bound(organization.max_concurrent_calls),
          bound(at),
          bound(organization.recording_retention_days),
          bound(organization.call_retention_days),
          organization.consent_announcement};
}

std::vector<Value> values_of(const domain::Assistant& assistant, UtcTime at) {
  return {bound(assistant.org),
          bound(assistant.id),
          assistant.name,
          assistant.greeting,
          assistant.instructions,
          assistant.voice,
          assistant.goodbye,
          assistant.idle_prompt_after.count(),
          assistant.max_duration.count(),
          bound(assistant.record),
          bound(at),
          bound(assistant.own_consent_announcement)};
}

std::vector<Value> values_of(const domain::PhoneNumber& number, UtcTime at) {
  return {bound(number.org),
          bound(number.id),
          bound(number.assistant),
          number.number,
          bound(to_string(number.carrier)),
          bound(at)};
}

// As one of `values_of` and what it is made as of, in that order. Two changes within a millisecond, or a
// clock that was set back, must show as well.
template <class T>
void update_as_of(Batch& batch, const Statement& statement, const T& changed, UtcTime as_of, UtcTime at) {
  auto values = values_of(changed, std::max(at, as_of + milliseconds{1}));
  values.push_back(bound(as_of));
  batch.add(statement, std::move(values), 1);
}

}  // namespace

void put_organization(Batch& batch, const domain::Organization& organization, UtcTime at) {
  batch.add(put_org, values_of(organization, at), 1);
}

void put_assistant(Batch& batch, const domain::Assistant& assistant, UtcTime at) {
  batch.add(put_one_assistant, values_of(assistant, at), 1);
}

void put_phone_number(Batch& batch, const domain::PhoneNumber& number, UtcTime at) {
  batch.add(put_number, values_of(number, at), 1);
}

void update_organization(Batch& batch, const domain::Organization& organization, UtcTime as_of, UtcTime at) {
  update_as_of(batch, update_org, organization, as_of, at);
}

void update_assistant(Batch& batch, const domain::Assistant& assistant, UtcTime as_of, UtcTime at) {
  update_as_of(batch, update_one_assistant, assistant, as_of, at);
}

void update_phone_number(Batch& batch, const domain::PhoneNumber& number, UtcTime as_of, UtcTime at) {
  update_as_of(batch, update_number, number, as_of, at);
}

void remove_assistant(Batch& batch, const OrgId& org, const AssistantId& id) {
  batch.add(drop_assistant, {bound(org), bound(id)}, 1);
}

void remove_phone_number(Batch& batch, const OrgId& org, const PhoneNumberId& id) {
  batch.add(drop_number, {bound(org), bound(id)}, 1);
}

void erase_organization(Batch& batch, const OrgId& org, UtcTime at) {
  batch.add(erase_org, {bound(org), bound(at)}, 1);
}

async::Task<Result<>> ensure_organization(Store& store, OrgId org, UtcTime at) {
  std::optional<bool> erased;
  const auto read =
      co_await store.read(known_org, {bound(org)}, [&](const Row& row) { erased = row.integer(0) != 0; });
  if (!read) co_return read;
  if (erased == true)
    co_return Error{Fault::forbidden, "organization_erased",
                    "this organization has been erased; its id cannot be used again"};
  if (erased == false) co_return Result<>{};
  Batch batch;
  batch.add(add_org, {bound(org), bound(at)});
  co_return co_await store.write(std::move(batch));
}

async::Task<Result<std::optional<domain::Organization>>> find_organization(Store& store, OrgId org) {
  return find_one(store, one_org, {bound(org)}, organization_from);
}

async::Task<Result<std::optional<domain::Assistant>>> find_assistant(Store& store, OrgId org,
                                                                     AssistantId id) {
  return find_one(store, one_assistant, {bound(org), bound(id)}, assistant_from);
}

async::Task<Result<std::optional<AsOf<domain::Organization>>>> organization_for_update(Store& store,
                                                                                       OrgId org) {
  return find_one(store, one_org, {bound(org)},
                  as_of_from<domain::Organization, organization_from, org_updated_at>);
}

async::Task<Result<std::optional<AsOf<domain::Assistant>>>> assistant_for_update(Store& store, OrgId org,
                                                                                 AssistantId id) {
  return find_one(store, one_assistant, {bound(org), bound(id)},
                  as_of_from<domain::Assistant, assistant_from, assistant_updated_at>);
}

async::Task<Result<std::optional<AsOf<domain::PhoneNumber>>>> phone_number_for_update(Store& store, OrgId org,
                                                                                      PhoneNumberId id) {
  return find_one(store, one_number, {bound(org), bound(id)},
                  as_of_from<domain::PhoneNumber, number_from, number_updated_at>);
}

async::Task<Result<std::vector<domain::Assistant>>> assistants_of(Store& store, OrgId org) {
  return find_all(store, org_assistants, {bound(org)}, assistant_from);
}

async::Task<Result<std::optional<domain::PhoneNumber>>> find_phone_number(Store& store, OrgId org,
                                                                          PhoneNumberId id) {
  return find_one(store, one_number, {bound(org), bound(id)}, number_from);
}

async::Task<Result<Listed<domain::Assistant>>> page_of_assistants(Store& store, OrgId org, KeyPage page) {
  return find_page(store, assistant_page, std::move(org), std::move(page), assistant_from, 1);
}

async::Task<Result<Listed<domain::PhoneNumber>>> page_of_phone_numbers(Store& store, OrgId org,
                                                                       KeyPage page) {
  return find_page(store, number_page, std::move(org), std::move(page), number_from, 1);
}

async::Task<Result<std::optional<domain::PhoneNumber>>> phone_number_dialled(Store& store,
                                                                             std::string number) {
  return find_one(store, dialled, {std::move(number)}, number_from);
}

std::span<const Statement* const> organization_statements() {
  static constexpr const Statement* all[] = {
      &put_org,    &update_org,  &update_one_assistant, &update_number, &add_org,        &erase_org,
      &one_org,    &known_org,   &put_one_assistant,    &one_assistant, &org_assistants, &put_number,
      &one_number, &number_page, &assistant_page,       &dialled,       &drop_assistant, &drop_number};
  return all;
}

}  // namespace voxanne::store

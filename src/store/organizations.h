// Organizations, their assistants and phone numbers.
#pragma once

#include "domain/assistant.h"
#include "store/key_page.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne::store {

// ── Writing: pieces of a Batch; put_… creates or replaces ──────────────────────────────────────

void put_organization(Batch& batch, const domain::Organization& organization, UtcTime at);
void put_assistant(Batch& batch, const domain::Assistant& assistant, UtcTime at);
void put_phone_number(Batch& batch, const domain::PhoneNumber& number, UtcTime at);
// What was read with …_for_update, changed. A conflict (guard_failed) when it is no longer as it was read, or
// gone; besides, as where it is put.
void update_organization(Batch& batch, const domain::Organization& organization, UtcTime as_of, UtcTime at);
void update_assistant(Batch& batch, const domain::Assistant& assistant, UtcTime as_of, UtcTime at);
void update_phone_number(Batch& batch, const domain::PhoneNumber& number, UtcTime as_of, UtcTime at);
// A conflict if there is none, or phone numbers are answered by it.
void remove_assistant(Batch& batch, const OrgId& org, const AssistantId& id);
// A conflict if there is none.
void remove_phone_number(Batch& batch, const OrgId& org, const PhoneNumberId& id);

// An organization named by a valid token exists from its first use on. Error besides the store's:
// forbidden (organization_erased) for a tombstone.
async::Task<Result<>> ensure_organization(Store& store, OrgId org, UtcTime at);
// Keeps a tombstone, so that the id stays refused; its records are erased by their own functions.
void erase_organization(Batch& batch, const OrgId& org, UtcTime at);

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

async::Task<Result<std::optional<domain::Organization>>> find_organization(Store& store, OrgId org);
async::Task<Result<std::optional<domain::Assistant>>> find_assistant(Store& store, OrgId org, AssistantId id);
async::Task<Result<std::optional<domain::PhoneNumber>>> find_phone_number(Store& store, OrgId org,
                                                                          PhoneNumberId id);

// As it stands, and since when: what a change of it is made as of.
template <class T>
struct AsOf {
  T value;
  UtcTime as_of{};
};
async::Task<Result<std::optional<AsOf<domain::Organization>>>> organization_for_update(Store& store,
                                                                                       OrgId org);
async::Task<Result<std::optional<AsOf<domain::Assistant>>>> assistant_for_update(Store& store, OrgId org,
                                                                                 AssistantId id);
async::Task<Result<std::optional<AsOf<domain::PhoneNumber>>>> phone_number_for_update(Store& store, OrgId org,
                                                                                      PhoneNumberId id);

async::Task<Result<std::vector<domain::Assistant>>> assistants_of(Store& store, OrgId org);
async::Task<Result<Listed<domain::Assistant>>> page_of_assistants(Store& store, OrgId org, KeyPage page);
async::Task<Result<Listed<domain::PhoneNumber>>> page_of_phone_numbers(Store& store, OrgId org, KeyPage page);
// Whose number was dialled: the one lookup that crosses organizations. `number` is E.164.
async::Task<Result<std::optional<domain::PhoneNumber>>> phone_number_dialled(Store& store,
                                                                             std::string number);

}  // namespace voxanne::store

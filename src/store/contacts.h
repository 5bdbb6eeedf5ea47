// The people an organization knows.
#pragma once

#include "domain/contact.h"
#include "store/page.h"
#include "store/store.h"

namespace voxanne::store {

// A conflict where another contact of the organization has the number.
void insert_contact(Batch& batch, const domain::Contact& contact);
// A conflict too when it is not as it was read (`as_of`: its updated_at), or gone.
void update_contact(Batch& batch, const domain::Contact& contact, UtcTime as_of);
// Its calls and appointments stay, without it. A conflict if there is no such contact.
void remove_contact(Batch& batch, const OrgId& org, const ContactId& id);
// It has called, or was called; nothing happens when it is gone.
void touch_contact(Batch& batch, const OrgId& org, const ContactId& id, UtcTime at);

namespace contact_column {
enum : int { seq, created_at, id, org_id, name, number, email, notes, last_call_at, updated_at };
}
domain::Contact contact_from(const Row& row);

async::Task<Result<std::optional<domain::Contact>>> find_contact(Store& store, OrgId org, ContactId id);
// `number` is E.164.
async::Task<Result<std::optional<domain::Contact>>> contact_by_number(Store& store, OrgId org,
                                                                      std::string number);
// Newest first. `total` is null.
async::Task<Result<PageInfo>> page_of_contacts(Store& store, OrgId org, PageRequest request,
                                               RowVisitor visit);

}  // namespace voxanne::store

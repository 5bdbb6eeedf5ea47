#include "store/contacts.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement insert{
    "contacts.insert",
    "INSERT INTO contacts (org_id, id, name, number, email, notes, created_at, updated_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)"};
constexpr Statement update{"contacts.update",
                           "UPDATE contacts SET name = ?3, number = ?4, email = ?5, notes = ?6, updated_at = "
                           "?7 WHERE org_id = ?1 AND id = ?2 AND updated_at = ?8"};
constexpr Statement leave_calls{
    "calls.leave_contact",
    "UPDATE calls SET contact_id = '' WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> ''"};
constexpr Statement leave_appointments{
    "appointments.leave_contact",
    "UPDATE appointments SET contact_id = '' WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> ''"};
constexpr Statement remove{"contacts.remove", "DELETE FROM contacts WHERE org_id = ?1 AND id = ?2"};
constexpr Statement touch{"contacts.touch",
                          "UPDATE contacts SET last_call_at = ?3 WHERE org_id = ?1 AND id = ?2"};

#define CONTACT_COLUMNS "seq, created_at, id, org_id, name, number, email, notes, last_call_at, updated_at"

constexpr Statement one{"contacts.one",
                        "SELECT " CONTACT_COLUMNS " FROM contacts WHERE org_id = ?1 AND id = ?2"};
constexpr Statement by_number{"contacts.by_number",
                              "SELECT " CONTACT_COLUMNS
                              " FROM contacts WHERE org_id = ?1 AND number = ?2 AND number <> ''"};
constexpr Statement newest{"contacts.page",
                           "SELECT " CONTACT_COLUMNS
                           " FROM contacts WHERE org_id = ?5 AND (created_at, seq) < (?1, ?2) "
                           "ORDER BY created_at DESC, seq DESC LIMIT ?3 OFFSET ?4"};

}  // namespace

void insert_contact(Batch& batch, const domain::Contact& contact) {
  batch.add(insert,
            {bound(contact.org), bound(contact.id), contact.name, contact.number, contact.email,
             contact.notes, bound(contact.created_at)},
            1);
}

void update_contact(Batch& batch, const domain::Contact& contact, UtcTime as_of) {
  batch.add(update,
            {bound(contact.org), bound(contact.id), contact.name, contact.number, contact.email,
             contact.notes, bound(contact.updated_at), bound(as_of)},
            1);
}

void remove_contact(Batch& batch, const OrgId& org, const ContactId& id) {
  batch.add(leave_calls, {bound(org), bound(id)});
  batch.add(leave_appointments, {bound(org), bound(id)});
  batch.add(remove, {bound(org), bound(id)}, 1);
}

void touch_contact(Batch& batch, const OrgId& org, const ContactId& id, UtcTime at) {
  batch.add(touch, {bound(org), bound(id), bound(at)});
}

domain::Contact contact_from(const Row& row) {
  using namespace contact_column;
  return {id_from<ContactTag>(row, id),
          id_from<OrgTag>(row, org_id),
          row.str(name),
          row.str(number),
          row.str(email),
          row.str(notes),
          row.time(last_call_at),
          from_unix_ms(row.integer(created_at)),
          from_unix_ms(row.integer(updated_at))};
}

async::Task<Result<std::optional<domain::Contact>>> find_contact(Store& store, OrgId org, ContactId id) {
  return find_one(store, one, {bound(org), bound(id)}, contact_from);
}

async::Task<Result<std::optional<domain::Contact>>> contact_by_number(Store& store, OrgId org,
                                                                      std::string number) {
  return find_one(store, by_number, {bound(org), std::move(number)}, contact_from);
}

async::Task<Result<PageInfo>> page_of_contacts(Store& store, OrgId org, PageRequest request,
                                               RowVisitor visit) {
  return read_page(store, newest, {bound(org)}, request, start_of(request), std::move(visit));
}

std::span<const Statement* const> contact_statements() {
  static constexpr const Statement* all[] = {
      &insert, &update, &leave_calls, &leave_appointments, &remove, &touch, &one, &by_number, &newest};
  return all;
}

}  // namespace voxanne::store

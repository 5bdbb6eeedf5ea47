#include "store/messages.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement insert{
    "messages.insert",
    "INSERT INTO messages (org_id, id, call_id, caller_name, number, text, urgency, created_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"};

constexpr Statement handle{
    "messages.handle",
    "UPDATE messages SET handled_by = ?3, handled_at = CASE WHEN ?3 = '' THEN NULL ELSE ?4 END "
    "WHERE org_id = ?1 AND id = ?2"};

#define MESSAGE_COLUMNS \
  "seq, created_at, id, org_id, call_id, caller_name, number, text, urgency, handled_by, handled_at"

constexpr Statement one{"messages.one",
                        "SELECT " MESSAGE_COLUMNS " FROM messages WHERE org_id = ?1 AND id = ?2"};
constexpr Statement newest{"messages.page",
                           "SELECT " MESSAGE_COLUMNS
                           " FROM messages WHERE org_id = ?5 AND (created_at, seq) < (?1, ?2) "
                           "ORDER BY created_at DESC, seq DESC LIMIT ?3 OFFSET ?4"};

}  // namespace

void insert_message(Batch& batch, const domain::Message& message) {
  batch.add(insert,
            {bound(message.org), bound(message.id), bound(message.call), message.caller_name, message.number,
             message.text, message.urgency, bound(message.created_at)},
            1);
}

void set_message_handled(Batch& batch, const OrgId& org, const MessageId& id, std::string handled_by,
                         UtcTime at) {
  batch.add(handle, {bound(org), bound(id), std::move(handled_by), bound(at)}, 1);
}

domain::Message message_from(const Row& row) {
  using namespace message_column;
  return {id_from<MessageTag>(row, id),
          id_from<OrgTag>(row, org_id),
          id_from<CallTag>(row, call_id),
          row.str(caller_name),
          row.str(number),
          row.str(text),
          row.str(urgency),
          from_unix_ms(row.integer(created_at)),
          row.str(handled_by),
          row.time(handled_at)};
}

async::Task<Result<std::optional<domain::Message>>> find_message(Store& store, OrgId org, MessageId id) {
  return find_one(store, one, {bound(org), bound(id)}, message_from);
}

async::Task<Result<PageInfo>> page_of_messages(Store& store, OrgId org, PageRequest request,
                                               RowVisitor visit) {
  return read_page(store, newest, {bound(org)}, request, start_of(request), std::move(visit));
}

std::span<const Statement* const> message_statements() {
  static constexpr const Statement* all[] = {&insert, &handle, &one, &newest};
  return all;
}

}  // namespace voxanne::store

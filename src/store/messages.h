// Messages taken for the organization.
#pragma once

#include "domain/assistant.h"
#include "store/page.h"
#include "store/store.h"

namespace voxanne::store {

void insert_message(Batch& batch, const domain::Message& message);
// Who dealt with it, or an empty text for nobody any more. A conflict if there is no such message.
void set_message_handled(Batch& batch, const OrgId& org, const MessageId& id, std::string handled_by,
                         UtcTime at);

namespace message_column {
enum : int {
  seq,
  created_at,
  id,
  org_id,
  call_id,
  caller_name,
  number,
  text,
  urgency,
  handled_by,
  handled_at
};
}
domain::Message message_from(const Row& row);

async::Task<Result<std::optional<domain::Message>>> find_message(Store& store, OrgId org, MessageId id);
// Newest first. `total` is null.
async::Task<Result<PageInfo>> page_of_messages(Store& store, OrgId org, PageRequest request,
                                               RowVisitor visit);

}  // namespace voxanne::store

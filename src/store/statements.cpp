#include "store/statements.h"

namespace voxanne::store {

std::vector<const Statement*> all_statements() {
  std::vector<const Statement*> all;
  for (const auto part : {account_statements(),     api_key_statements(),      appointment_statements(),
                          contact_statements(),     delivery_statements(),     mail_statements(),
                          webhook_statements(),     call_writing_statements(), call_reading_statements(),
                          call_page_statements(),   knowledge_statements(),    cleanup_statements(),
                          erasure_statements(),     embedding_statements(),    gap_statements(),
                          idempotency_statements(), job_run_statements(),      message_statements(),
                          node_statements(),        once_statements(),         organization_statements(),
                          upload_statements()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace voxanne::store

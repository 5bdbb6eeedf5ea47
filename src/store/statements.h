// Every statement of the typed records, so that a test explains each and finds no scan.
#pragma once

#include "store/store.h"

#include <span>
#include <vector>

namespace voxanne::store {

std::span<const Statement* const> account_statements();
std::span<const Statement* const> api_key_statements();
std::span<const Statement* const> appointment_statements();
std::span<const Statement* const> call_writing_statements();
std::span<const Statement* const> call_reading_statements();
std::span<const Statement* const> call_page_statements();
std::span<const Statement* const> contact_statements();
std::span<const Statement* const> delivery_statements();
std::span<const Statement* const> knowledge_statements();
std::span<const Statement* const> embedding_statements();
std::span<const Statement* const> cleanup_statements();
std::span<const Statement* const> erasure_statements();
std::span<const Statement* const> gap_statements();
std::span<const Statement* const> idempotency_statements();
std::span<const Statement* const> job_run_statements();
std::span<const Statement* const> mail_statements();
std::span<const Statement* const> message_statements();
std::span<const Statement* const> node_statements();
std::span<const Statement* const> once_statements();
std::span<const Statement* const> organization_statements();
std::span<const Statement* const> upload_statements();
std::span<const Statement* const> webhook_statements();

std::vector<const Statement*> all_statements();

}  // namespace voxanne::store

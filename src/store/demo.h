// The demo organization: "Harbour Dental", id `demo`, with assistant `test-assistant-123` and phone
// number `test-phone-123`, which dials the built-in callee. Seeding twice changes nothing that a
// manager has edited.
#pragma once

#include "store/store.h"

#include <string_view>

namespace voxanne::store::demo {

inline constexpr std::string_view organization_id = "demo";
inline constexpr std::string_view assistant_id = "test-assistant-123";
inline constexpr std::string_view phone_number_id = "test-phone-123";
inline constexpr std::string_view document_id = "demo-knowledge";

async::Task<Result<>> seed(Store& store, UtcTime at);

// About forty facts in Markdown, to be put in as document `document_id` by the knowledge module.
std::string_view knowledge_markdown();

}  // namespace voxanne::store::demo

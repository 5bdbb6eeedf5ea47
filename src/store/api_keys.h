// API keys of machines. The key itself is never stored: `hash` is keyed (api makes it), and finds it.
#pragma once

#include "base/ids.h"
#include "store/key_page.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne {

struct ApiKeyTag {
  static constexpr std::string_view prefix = "key_";
};
using ApiKeyId = Id<ApiKeyTag>;

}  // namespace voxanne

namespace voxanne::store {

struct ApiKey {
  static constexpr int max_per_organization = 200;

  OrgId org;
  ApiKeyId id;
  std::string name, hash, hint, scopes, created_by;
  UtcTime created_at{};
  std::optional<UtcTime> expires_at, last_used_at;
};

// A conflict when the organization has max_per_organization already.
void insert_api_key(Batch& batch, const ApiKey& key);
// A conflict when there is none.
void remove_api_key(Batch& batch, const OrgId& org, const ApiKeyId& id);
void set_api_key_used(Batch& batch, const OrgId& org, const ApiKeyId& id, UtcTime at);

async::Task<Result<Listed<ApiKey>>> page_of_api_keys(Store& store, OrgId org, KeyPage request);
async::Task<Result<std::optional<ApiKey>>> find_api_key(Store& store, OrgId org, ApiKeyId id);
// Of an organization that is not erased.
async::Task<Result<std::optional<ApiKey>>> api_key_by_hash(Store& store, std::string hash);

}  // namespace voxanne::store

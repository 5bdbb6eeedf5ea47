#include "store/api_keys.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement insert{
    "api_keys.insert",
    "INSERT INTO api_keys (org_id, id, name, hash, hint, scopes, created_by, created_at, expires_at) "
    "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE "
    "(SELECT count(*) FROM api_keys WHERE org_id = ?1) < ?10"};
constexpr Statement drop{"api_keys.delete", "DELETE FROM api_keys WHERE org_id = ?1 AND id = ?2"};
constexpr Statement used{"api_keys.used",
                         "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?3) "
                         "WHERE org_id = ?1 AND id = ?2"};
#define KEY_COLUMNS                                                                              \
  "k.org_id, k.id, k.name, k.hash, k.hint, k.scopes, k.created_by, k.created_at, k.expires_at, " \
  "k.last_used_at"
constexpr Statement page{"api_keys.page", "SELECT " KEY_COLUMNS
                                          " FROM api_keys k WHERE k.org_id = ?1 AND k.id > ?2 "
                                          "ORDER BY k.id LIMIT ?3 OFFSET ?4"};
constexpr Statement one{"api_keys.one",
                        "SELECT " KEY_COLUMNS " FROM api_keys k WHERE k.org_id = ?1 AND k.id = ?2"};
constexpr Statement by_hash{"api_keys.by_hash", "SELECT " KEY_COLUMNS
                                                " FROM api_keys k JOIN organizations o ON o.id = k.org_id "
                                                "WHERE k.hash = ?1 AND o.erased_at IS NULL"};

ApiKey key_from(const Row& row) {
  return {id_from<OrgTag>(row, 0),
          id_from<ApiKeyTag>(row, 1),
          row.str(2),
          row.str(3),
          row.str(4),
          row.str(5),
          row.str(6),
          from_unix_ms(row.integer(7)),
          row.time(8),
          row.time(9)};
}

}  // namespace

void insert_api_key(Batch& batch, const ApiKey& key) {
  batch.add(insert,
            {bound(key.org), bound(key.id), key.name, key.hash, key.hint, key.scopes, key.created_by,
             bound(key.created_at), bound(key.expires_at), bound(ApiKey::max_per_organization)},
            1);
}

void remove_api_key(Batch& batch, const OrgId& org, const ApiKeyId& id) {
  batch.add(drop, {bound(org), bound(id)}, 1);
}

void set_api_key_used(Batch& batch, const OrgId& org, const ApiKeyId& id, UtcTime at) {
  batch.add(used, {bound(org), bound(id), bound(at)});
}

async::Task<Result<Listed<ApiKey>>> page_of_api_keys(Store& store, OrgId org, KeyPage request) {
  return find_page(store, page, std::move(org), std::move(request), key_from, 1);
}

async::Task<Result<std::optional<ApiKey>>> find_api_key(Store& store, OrgId org, ApiKeyId id) {
  return find_one(store, one, {bound(org), bound(id)}, key_from);
}

async::Task<Result<std::optional<ApiKey>>> api_key_by_hash(Store& store, std::string hash) {
  return find_one(store, by_hash, {std::move(hash)}, key_from);
}

std::span<const Statement* const> api_key_statements() {
  static constexpr const Statement* all[] = {&insert, &drop, &used, &page, &one, &by_hash};
  return all;
}

}  // namespace voxanne::store

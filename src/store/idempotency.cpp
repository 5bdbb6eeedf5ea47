#include "store/idempotency.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement take{
    "idempotency_keys.claim",
    "INSERT INTO idempotency_keys (org_id, key, fingerprint, holder, started_at) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT (org_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, holder = excluded.holder, "
    "status = NULL, body = '', started_at = excluded.started_at "
    "WHERE started_at < CASE WHEN status IS NULL THEN ?7 ELSE ?6 END"};
constexpr Statement one{
    "idempotency_keys.one",
    "SELECT fingerprint, status, body FROM idempotency_keys WHERE org_id = ?1 AND key = ?2"};
constexpr Statement keep{
    "idempotency_keys.settle",
    "UPDATE idempotency_keys SET status = ?4, body = ?5 WHERE org_id = ?1 AND key = ?2 AND holder = ?3"};
constexpr Statement let_go{"idempotency_keys.release",
                           "DELETE FROM idempotency_keys WHERE org_id = ?1 AND key = ?2 AND holder = ?3"};

IdempotentAnswer answer_from(const Row& row) { return {row.str(0), int_from(row, 1), row.str(2)}; }

}  // namespace

async::Task<Result<>> claim(Store& store, IdempotencyClaim claim, UtcTime now, milliseconds kept,
                            milliseconds abandoned) {
  Batch batch;
  batch.add(take,
            {bound(claim.org), claim.key, claim.fingerprint, claim.holder, bound(now), bound(now - kept),
             bound(now - abandoned)},
            1);
  co_return co_await store.write(std::move(batch));
}

async::Task<Result<std::optional<IdempotentAnswer>>> find_idempotent_answer(Store& store, OrgId org,
                                                                            std::string key) {
  return find_one(store, one, {bound(org), std::move(key)}, answer_from);
}

void settle(Batch& batch, const IdempotencyClaim& claim, int status, std::string body) {
  batch.add(keep, {bound(claim.org), claim.key, claim.holder, bound(status), std::move(body)});
}

void release(Batch& batch, const IdempotencyClaim& claim) {
  batch.add(let_go, {bound(claim.org), claim.key, claim.holder});
}

std::span<const Statement* const> idempotency_statements() {
  static constexpr const Statement* all[] = {&take, &one, &keep, &let_go};
  return all;
}

}  // namespace voxanne::store

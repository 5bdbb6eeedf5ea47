#include "store/nodes.h"

#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement beat_node{
    "nodes.beat",
    "INSERT INTO nodes (id, boot_id, started_at, seen_at) VALUES (?1, ?2, ?3, ?3) ON CONFLICT (id) DO UPDATE "
    "SET started_at = CASE WHEN boot_id = excluded.boot_id THEN started_at ELSE excluded.started_at END, "
    "boot_id = excluded.boot_id, seen_at = excluded.seen_at"};

}  // namespace

async::Task<Result<>> beat(Store& store, Holder holder, UtcTime at) {
  Batch batch;
  batch.add(beat_node, {holder.node, holder.boot, bound(at)}, 1);
  co_return co_await store.write(std::move(batch));
}

std::span<const Statement* const> node_statements() {
  static constexpr const Statement* all[] = {&beat_node};
  return all;
}

}  // namespace voxanne::store

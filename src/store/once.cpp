#include "store/once.h"

#include "store/find.h"
#include "store/statements.h"

namespace voxanne::store {

const Statement mark_applied{"applied_batches.mark",
                             "INSERT INTO applied_batches (stream, number) VALUES (?1, ?2) "
                             "ON CONFLICT (stream) DO UPDATE SET number = excluded.number "
                             "WHERE number < excluded.number"};

namespace {

constexpr Statement forget{"applied_batches.forget", "DELETE FROM applied_batches WHERE stream < ?1"};
constexpr Statement identity{"database_identity.one", "SELECT id FROM database_identity WHERE only_row = 1"};

// The time part of a ULID: smaller than every one that was made at that time or later.
std::string first_ulid_of(UtcTime time) {
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string out(10, '0');
  auto ms = static_cast<std::uint64_t>(to_unix_ms(time));
  for (auto place = out.rbegin(); place != out.rend(); ++place, ms >>= 5) *place = alphabet[ms & 31];
  return out;
}

}  // namespace

async::Task<Result<>> forget_streams(Store& store, UtcTime before) {
  Batch batch;
  batch.add(forget, {first_ulid_of(before)});
  co_return co_await store.write(std::move(batch));
}

async::Task<Result<std::string>> database_identity(Store& store) {
  auto found = co_await find_one<std::string>(store, identity, {}, [](const Row& row) { return row.str(0); });
  if (!found) co_return found.error();
  if (!*found) co_return internal("database_identity_missing", "the database has no identity");
  co_return std::move(**found);
}

std::span<const Statement* const> once_statements() {
  static constexpr const Statement* all[] = {&mark_applied, &forget, &identity};
  return all;
}

}  // namespace voxanne::store

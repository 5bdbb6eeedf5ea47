#include "store/migrations/migrations.h"

#include "sqlite_migrations.h"

namespace voxanne::store {

std::span<const Migration> sqlite_migrations() { return embedded_sqlite_migrations; }

}  // namespace voxanne::store

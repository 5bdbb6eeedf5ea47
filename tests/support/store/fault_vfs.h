// A disk that fails on demand: SQLite's own VFS with a shim before its writes, syncs and truncations
// (https://www.sqlite.org/vfs.html). install() makes it the process's default; it does nothing until
// armed. Any thread.
#pragma once

#include <sqlite3.h>

namespace voxanne::test::fault_vfs {

void install();

// From the n-th operation on (1 is the next) `times` operations fail with the result code.
inline constexpr int for_good = 1 << 30;
void fail(int nth, int times, int code);
void heal();
// Whether an operation has failed since fail().
bool struck();
// Write-ahead log syncs so far: commits with synchronous=FULL.
int log_syncs();

}  // namespace voxanne::test::fault_vfs

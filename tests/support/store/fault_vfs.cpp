#include "support/store/fault_vfs.h"

#include <atomic>
#include <cstring>
#include <new>

namespace voxanne::test::fault_vfs {
namespace {

std::atomic<int> operations{0};
std::atomic<int> first{0}, last{0};
std::atomic<int> result{SQLITE_OK};
std::atomic<bool> hit{false};
std::atomic<int> syncs{0};

// What the shim hands to SQLite; the real file lies right behind it.
struct File {
  sqlite3_file base;
  bool is_log;
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
}

int strike() {
  const int operation = ++operations;
  if (operation < first || operation >= last) return SQLITE_OK;
  hit = true;
  return result;
}

int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, bytes, at);
}
int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  if (const int code = strike()) return code;
  return real(file)->pMethods->xWrite(real(file), from, bytes, at);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int code = strike()) return code;
  return real(file)->pMethods->xTruncate(real(file), size);
}
int sync(sqlite3_file* file, int flags) {
  if (const int code = strike()) return code;
  if (reinterpret_cast<File*>(file)->is_log) ++syncs;
  return real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int reserved(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int control(sqlite3_file* file, int op, void* arg) {
  return real(file)->pMethods->xFileControl(real(file), op, arg);
}
int sector(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }
int fetch(sqlite3_file* file, sqlite3_int64 at, int bytes, void** out) {
  return real(file)->pMethods->xFetch(real(file), at, bytes, out);
}
int unfetch(sqlite3_file* file, sqlite3_int64 at, void* page) {
  return real(file)->pMethods->xUnfetch(real(file), at, page);
}

const sqlite3_io_methods methods = {3,        close,       read,      write,   truncate, sync,   file_size,
                                    lock,     unlock,      reserved,  control, sector,   device, shm_map,
                                    shm_lock, shm_barrier, shm_unmap, fetch,   unfetch};

sqlite3_vfs* below() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  return vfs;
}

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* const shim = new (file) File{};
  shim->is_log = (flags & SQLITE_OPEN_WAL) != 0;
  std::memset(real(file), 0, static_cast<std::size_t>(below()->szOsFile));
  const int code = below()->xOpen(below(), name, real(file), flags, out_flags);
  // SQLite closes a file only where its methods are set.
  file->pMethods = real(file)->pMethods ? &methods : nullptr;
  return code;
}

}  // namespace

void install() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *below();
    made.zName = "voxanne-fault";
    made.szOsFile += static_cast<int>(sizeof(File));
    made.xOpen = open;
    return made;
  }();
  sqlite3_vfs_register(&vfs, 1);
}

void fail(int nth, int times, int code) {
  hit = false;
  result = code;
  const int now = operations;
  last = now + nth + times;
  first = now + nth;
}

void heal() { last = 0; }
bool struck() { return hit; }
int log_syncs() { return syncs; }

}  // namespace voxanne::test::fault_vfs

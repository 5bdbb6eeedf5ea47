#include "housekeeping/leftovers.h"

#include "recordings/key.h"
#include "recordings/spool_file.h"
#include "store/cleanup.h"

#include <sys/stat.h>
#include <unistd.h>

namespace voxanne::housekeeping {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t objects_at_a_time = 50'000;

// On a worker.
std::vector<Leftover> find_spooled(const fs::path& spool, UtcTime unchanged_since) {
  std::vector<Leftover> out;
  for (auto& spooled : recordings::list_spool(spool).spooled) {
    struct stat status{};
    if (::stat(spooled.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    Leftover file{.org = std::move(spooled.org),
                  .call = std::move(spooled.call),
                  .object_key = {},
                  .spooled = std::move(spooled.path)};
    file.bytes = static_cast<std::uint64_t>(status.st_size);
    // A young one only counts.
    if (UtcTime{seconds{status.st_mtim.tv_sec}} >= unchanged_since) file.spooled.clear();
    out.push_back(std::move(file));
  }
  return out;
}

// On a worker. With the lock held, so that nobody takes it up between the look and the removal.
void unlink_spooled(const fs::path& path) {
  const auto lock = recordings::lock_spool(path);
  if (!lock || !lock->has_value()) return;
  fs::path encoded = path;
  ::unlink(encoded.replace_extension(".ogg").c_str());
  ::unlink(path.c_str());
}

}  // namespace

async::Task<Result<Leftovers>> find_leftovers(store::Store& store, recordings::ObjectStore& objects,
                                              async::WorkerPool& workers, fs::path spool,
                                              UtcTime unchanged_since) {
  Leftovers out;
  std::string after;
  for (;;) {
    auto page = co_await objects.list({}, after, objects_at_a_time);
    if (!page) co_return page.error();
    if (page->empty()) break;
    after = page->back().key;
    for (auto& object : *page) {
      const auto name = recordings::parse_recording_key(object.key);
      if (!name) continue;
      ++out.recordings[name->org];
      if (object.modified >= unchanged_since) continue;
      const auto claim = co_await store::who_wants_object(store, {name->org, name->call}, object.key);
      if (!claim) co_return claim.error();
      if (*claim != store::Claim::wanted)
        out.found.push_back({.org = name->org,
                             .call = name->call,
                             .object_key = std::move(object.key),
                             .spooled = {},
                             .bytes = object.size,
                             .let_go = *claim == store::Claim::unwanted});
    }
  }
  auto spooled = co_await workers.run([&] { return find_spooled(spool, unchanged_since); });
  for (auto& file : spooled) {
    ++out.recordings[file.org];
    if (file.spooled.empty()) continue;
    const auto claim = co_await store::who_wants_spool(store, {file.org, file.call});
    if (!claim) co_return claim.error();
    file.let_go = *claim == store::Claim::unwanted;
    if (*claim != store::Claim::wanted) out.found.push_back(std::move(file));
  }
  co_return out;
}

async::Task<Result<>> remove_leftover(recordings::ObjectStore& objects, async::WorkerPool& workers,
                                      Leftover leftover) {
  if (!leftover.object_key.empty()) co_return co_await objects.remove(leftover.object_key);
  co_await workers.run([&] { unlink_spooled(leftover.spooled); });
  co_return Result<>{};
}

async::Task<> remove_spooled(async::WorkerPool& workers, fs::path spool, OrgId org, CallId call) {
  co_await workers.run([&] { unlink_spooled(recordings::spool_path(spool, org, call)); });
}

}  // namespace voxanne::housekeeping

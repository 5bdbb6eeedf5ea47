// Objects as files under one directory: KEY → ROOT/KEY. A put writes ROOT/.incoming/…, syncs it,
// renames it into place and syncs the directory, so that a crash at any point leaves the old object,
// the new one or a stray in .incoming. That one goes with the next put or removal of its key, and with the
// first start a day later. A directory that is gone, or is not the one that it was (recordings/root.h), is a
// store that is away.
//
// Owner: app. Its file work runs on the given workers. Lifecycle: the workers outlive it.
#pragma once

#include "async/worker_pool.h"
#include "recordings/object_store.h"
#include "recordings/root.h"

namespace voxanne::recordings {

class FileStore final : public ObjectStore {
 public:
  FileStore(Place place, async::WorkerPool& workers);

  async::Task<Result<>> put(std::string key, std::filesystem::path file, std::string checksum) override;
  async::Task<Result<std::uint64_t>> size(std::string key) override;
  async::Task<Result<std::string>> read(std::string key, std::uint64_t offset, std::size_t length) override;
  async::Task<Result<>> remove(std::string key) override;
  async::Task<Result<std::vector<ObjectInfo>>> list(std::string prefix, std::string after,
                                                    std::size_t limit) override;
  async::Task<Result<>> prepare() override;

  // prepare(), on the calling thread: for whoever has one that may hang. Any thread.
  Result<> check();

 private:
  Root root_;
  async::WorkerPool& workers_;
};

// SHA-256 of a file in hex. Blocks: workers only. Errors: not_found or unavailable, with `code`.
Result<std::string> file_checksum(const std::filesystem::path& file, const std::string& code);

}  // namespace voxanne::recordings
